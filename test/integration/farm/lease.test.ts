import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { BuildResult } from "../../../src/buildorder/index.ts";
import { listEvents } from "../../../src/events/index.ts";
import {
  BUILD_PRIORITIES,
  type BuildLease,
  CONCLUDE_BUILDS_JOB,
  cancelBuild,
  cancelUploadBuilds,
  claimBuild,
  expireLeases,
  finishBuild,
  listBuilds,
  listCurrentBuilds,
  loadBuild,
  reclaimBuilds,
  renewLease,
  reportStep,
} from "../../../src/farm/index.ts";
import { engines, useDatabase } from "../../support/database.ts";
import { newBuild, openFarm, orderTestBuilds, type TestFarm, UPLOAD_ID } from "../../support/farm.ts";

const BUILT: BuildResult = { status: "built", files: [], checks: [] };
const PACKAGE_FAILED: BuildResult = { status: "package-failed", reason: "error: x", failedStep: "build", files: [], checks: [] };
const ENVIRONMENT_FAILED: BuildResult = { status: "environment-failed", reason: "mirror away", files: [], checks: [] };
const anyArchitecture = { builder: "b1", architectures: ["amd64", "arm64"] };

describe.each(engines)("builds on %s", (engine) => {
  const testDatabase = useDatabase(engine);
  let farm: TestFarm;

  beforeEach(async () => {
    farm = await openFarm(testDatabase, {
      buildAttemptsMax: 3,
      buildLossesMax: 3,
      buildRetryDelayMs: 1_000,
      buildRetryDelayMsMax: 1_500,
    });
  });
  afterEach(async () => farm.dispose());

  async function claim(request = anyArchitecture): Promise<BuildLease> {
    const lease = await claimBuild(farm, request);
    if (lease === undefined) throw new Error("nothing to build");
    return lease;
  }

  async function states(): Promise<string[]> {
    return (await listBuilds(farm.database.read, UPLOAD_ID)).map(({ id, state }) => `${id.split("/").at(-1)} ${state}`);
  }

  async function eventTypes(types: readonly ("BUILDING" | "BUILT")[] = ["BUILDING", "BUILT"]): Promise<string[]> {
    const events = await listEvents(farm.database.read, { uploadId: UPLOAD_ID, types, limit: 100 });
    return events.map(({ type, architecture, data }) => [type, architecture, data["status"]].filter(Boolean).join(" ")).reverse();
  }

  async function conclusions(): Promise<number> {
    const rows = await farm.database.read.selectFrom("jobs").select("payload").where("kind", "=", CONCLUDE_BUILDS_JOB).execute();
    for (const { payload } of rows) expect(JSON.parse(payload)).toEqual({ uploadId: UPLOAD_ID });
    return rows.length;
  }

  test("a waiting build is claimed once, by a builder of its architecture, the most urgent first", async () => {
    await orderTestBuilds(farm, [newBuild(), newBuild({ architecture: "arm64", buildsAll: false }, { priority: 5 })]);

    const urgent = await claimBuild(farm, { ...anyArchitecture, builder: "b0" });
    const claims = await Promise.all([1, 2, 3].map((n) => claimBuild(farm, { ...anyArchitecture, builder: `b${n}` })));

    const leased = [urgent, ...claims].filter((lease) => lease !== undefined);
    expect(leased.map(({ order }) => order.architecture)).toEqual(["arm64", "amd64"]);
    expect(new Set(leased.map(({ builder }) => builder)).size).toBe(2);
    expect(await states()).toEqual(["amd64 leased", "arm64 leased"]);
  });

  test("source packages take turns, and what has waited very long goes first all the same", async () => {
    const order = async (source: string, upload: number): Promise<void> => {
      const uploadId = `${source}/${upload}.0/20261122:130513:90919${upload}`;
      await orderTestBuilds(farm, [newBuild({ source, version: `${upload}.0` })], uploadId);
    };
    for (const upload of [1, 2, 3]) await order("many", upload);
    await order("single", 1);
    const next = async (): Promise<string> => (await claim()).uploadId.split("/").slice(0, 2).join(" ");

    expect([await next(), await next(), await next()]).toEqual(["many 1.0", "single 1.0", "many 2.0"]);
    testDatabase.clock.advance(60 * 60 * 1000);
    await order("late", 1);
    expect([await next(), await next()]).toEqual(["many 3.0", "late 1.0"]);
  });

  test("what somebody waits for goes before what the instance rebuilds by itself", async () => {
    const background = { priority: BUILD_PRIORITIES.background };
    for (const upload of [1, 2])
      await orderTestBuilds(
        farm,
        [newBuild({ source: `mass${upload}` }, background)],
        `mass${upload}/1.0/20261122:130513:909198`,
      );
    testDatabase.clock.advance(1_000);
    await orderTestBuilds(farm, [newBuild({ source: "person" })], "person/1.0/20261122:130513:909198");

    expect([(await claim()).order.source, (await claim()).order.source]).toEqual(["person", "mass1"]);
  });

  test("a builder gets nothing of an architecture that it cannot build", async () => {
    await orderTestBuilds(farm, [newBuild()]);

    expect(await claimBuild(farm, { builder: "b1", architectures: ["arm64"] })).toBeUndefined();
  });

  test("the order carries its id and the fencing attempt", async () => {
    const [id] = await orderTestBuilds(farm, [newBuild()]);

    const { order } = await claim();

    expect(order).toMatchObject({ buildId: id, attempt: 1, source: "foo", architecture: "amd64" });
    expect(id).toBe(`${UPLOAD_ID}/amd64`);
  });

  test("the last result of an upload, and only that, asks for its conclusion, in the same transaction", async () => {
    await orderTestBuilds(farm, [newBuild(), newBuild({ architecture: "arm64", buildsAll: false })]);
    const first = await claim();
    const second = await claim();

    await finishBuild(farm, first, BUILT);
    expect(await conclusions()).toBe(0);
    await finishBuild(farm, second, PACKAGE_FAILED);

    expect(await conclusions()).toBe(1);
    expect(await eventTypes()).toEqual(["BUILDING amd64", "BUILDING arm64", "BUILT amd64 built", "BUILT arm64 package-failed"]);
    expect((await loadBuild(farm.database.read, second.buildId)).reason).toBe("error: x");
  });

  test("a result is taken once", async () => {
    await orderTestBuilds(farm, [newBuild()]);
    const lease = await claim();
    await finishBuild(farm, lease, BUILT);

    await expect(finishBuild(farm, lease, PACKAGE_FAILED)).rejects.toMatchObject({ code: "BUILD_LEASE_LOST" });

    expect((await loadBuild(farm.database.read, lease.buildId)).result?.status).toBe("built");
    expect(await conclusions()).toBe(1);
  });

  test("a lease that is not renewed is lost: a new attempt waits at once, the old builder's word is refused", async () => {
    await orderTestBuilds(farm, [newBuild()]);
    const old = await claim();
    testDatabase.clock.advance(farm.limits.buildLeaseMs + 1);

    expect(await expireLeases(farm)).toEqual([old.buildId]);
    const renewed = await claim({ ...anyArchitecture, builder: "b2" });

    expect(await states()).toEqual(["amd64 lost", "amd64~2 leased"]);
    expect(renewed.order).toMatchObject({ attempt: 2, buildId: `${UPLOAD_ID}/amd64~2` });
    for (const late of [
      () => finishBuild(farm, old, BUILT),
      () => renewLease(farm, old),
      () => reportStep(farm, old, { step: "build", type: "started", at: farm.clock.now() }, 0),
    ]) {
      await expect(late()).rejects.toMatchObject({ kind: "conflict", code: "BUILD_LEASE_LOST" });
    }
    await finishBuild(farm, renewed, BUILT);
    expect(await eventTypes()).toEqual(["BUILDING amd64", "BUILT amd64 built"]);
  });

  test("a renewed lease is not lost", async () => {
    await orderTestBuilds(farm, [newBuild()]);
    const lease = await claim();
    testDatabase.clock.advance(farm.limits.buildLeaseMs - 1);
    await renewLease(farm, lease);
    testDatabase.clock.advance(farm.limits.buildLeaseMs - 1);

    expect(await expireLeases(farm)).toEqual([]);
  });

  test("a builder that starts anew gets its own builds back into the queue, and no others", async () => {
    await orderTestBuilds(farm, [newBuild(), newBuild({ architecture: "arm64", buildsAll: false })]);
    await claim({ builder: "local", architectures: ["amd64"] });
    await claim({ builder: "remote", architectures: ["arm64"] });

    await reclaimBuilds(farm, "local");

    expect(await states()).toEqual(["amd64 lost", "amd64~2 waiting", "arm64 leased"]);
  });

  test("an environment's failure is retried with growing delay, then ends the build", async () => {
    await orderTestBuilds(farm, [newBuild()]);
    for (const delayMs of [1_000, 1_500]) {
      await finishBuild(farm, await claim(), ENVIRONMENT_FAILED);
      testDatabase.clock.advance(delayMs - 1);
      expect(await claimBuild(farm, anyArchitecture)).toBeUndefined();
      testDatabase.clock.advance(1);
    }
    expect(await conclusions()).toBe(0);

    await finishBuild(farm, await claim(), ENVIRONMENT_FAILED);

    expect(await states()).toEqual(["amd64 done", "amd64~2 done", "amd64~3 done"]);
    expect(await conclusions()).toBe(1);
    expect(await eventTypes()).toEqual(["BUILDING amd64", "BUILT amd64 environment-failed"]);
    const [current] = await listCurrentBuilds(farm.database.read, UPLOAD_ID);
    expect(current).toMatchObject({ attempt: 3, result: { status: "environment-failed" } });
  });

  test("a build that loses its builder every time ends", async () => {
    await orderTestBuilds(farm, [newBuild()]);

    for (let round = 0; round < 3; round++) {
      await claim();
      await reclaimBuilds(farm, "b1");
    }

    expect(await states()).toEqual(["amd64 lost", "amd64~2 lost", "amd64~3 done"]);
    expect(await conclusions()).toBe(1);
    expect((await listCurrentBuilds(farm.database.read, UPLOAD_ID))[0]?.reason).toContain("limit buildLossesMax");
  });

  test("a lost builder costs none of the attempts", async () => {
    await orderTestBuilds(farm, [newBuild()]);
    await claim();
    await reclaimBuilds(farm, "b1");

    for (let round = 0; round < 3; round++) {
      await finishBuild(farm, await claim(), ENVIRONMENT_FAILED);
      testDatabase.clock.advance(2_000);
    }

    expect(await states()).toEqual(["amd64 lost", "amd64~2 done", "amd64~3 done", "amd64~4 done"]);
  });

  test("a waiting build can be cancelled, and was never announced", async () => {
    const [id = ""] = await orderTestBuilds(farm, [newBuild()]);

    await cancelBuild(farm, id, "alice");

    expect(await loadBuild(farm.database.read, id)).toMatchObject({ state: "cancelled", reason: "cancelled by alice" });
    expect(await eventTypes()).toEqual([]);
    expect(await conclusions()).toBe(1);
    await expect(cancelBuild(farm, id, "alice")).rejects.toMatchObject({ code: "BUILD_ENDED" });
  });

  test("cancelling an attempt that was superseded cancels the one that superseded it", async () => {
    const [id = ""] = await orderTestBuilds(farm, [newBuild()]);
    await claim();
    await reclaimBuilds(farm, "b1");

    expect(await cancelBuild(farm, id, "alice")).toBe(`${id}~2`);
    expect(await eventTypes()).toEqual(["BUILDING amd64", "BUILT amd64 cancelled"]);
  });

  test("a running build that is cancelled cannot be finished", async () => {
    const [id = ""] = await orderTestBuilds(farm, [newBuild()]);
    const lease = await claim();

    await cancelUploadBuilds(farm, UPLOAD_ID, "alice");

    await expect(finishBuild(farm, lease, BUILT)).rejects.toMatchObject({ code: "BUILD_LEASE_LOST" });
    expect((await loadBuild(farm.database.read, id)).state).toBe("cancelled");
  });

  test("steps are recorded with their place in the log; one that the end interrupts is closed", async () => {
    const [id = ""] = await orderTestBuilds(farm, [newBuild()]);
    const lease = await claim();
    const at = farm.clock.now();
    await reportStep(farm, lease, { step: "prepare", type: "started", at }, 0);
    await reportStep(farm, lease, { step: "prepare", type: "ended", outcome: "ok", note: "12 packages", at }, 100);
    await reportStep(farm, lease, { step: "build", type: "started", at }, 120);

    await cancelBuild(farm, id, "alice");

    expect((await loadBuild(farm.database.read, id)).steps).toEqual([
      { step: "prepare", startedAt: at, endedAt: at, outcome: "ok", note: "12 packages", logOffsetBytes: 0 },
      { step: "build", startedAt: at, endedAt: at, outcome: "cancelled", note: undefined, logOffsetBytes: 120 },
    ]);
    const events = await listEvents(farm.database.read, { types: ["build-step"], limit: 10 });
    expect(events.map(({ data }) => `${String(data["step"])} ${String(data["type"])}`).reverse()).toEqual([
      "prepare started",
      "prepare ended",
      "build started",
    ]);
  });

  test("every state change is an event", async () => {
    await orderTestBuilds(farm, [newBuild()]);
    await claim();
    await reclaimBuilds(farm, "b1");

    const events = await listEvents(farm.database.read, { types: ["build-state"], limit: 10 });

    expect(events.map(({ data }) => [data["from"], data["to"], data["attempt"]]).reverse()).toEqual([
      [undefined, "waiting", 1],
      ["waiting", "leased", 1],
      ["leased", "lost", 1],
      [undefined, "waiting", 2],
    ]);
  });
});
