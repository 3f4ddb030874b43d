import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { BuildOrder } from "../../../src/buildorder/index.ts";
import {
  type BuildRunner,
  buildDirectory,
  cancelBuild,
  claimBuild,
  type FarmContext,
  LocalBuilder,
  listBuilds,
  listBuiltFiles,
  listCurrentBuilds,
  loadBuild,
  locateBuildLog,
  sourceDirectory,
} from "../../../src/farm/index.ts";
import { fakeBuildRunner } from "../../fakes/build-environment.ts";
import { useDatabase } from "../../support/database.ts";
import { newBuild, openFarm, orderTestBuilds, type TestFarm, whenBuilds } from "../../support/farm.ts";
import { makeSource, type SourceOptions } from "../../support/packages.ts";

const testDatabase = useDatabase();
let farm: TestFarm;
let builder: LocalBuilder | undefined;

beforeEach(async () => {
  farm = await openFarm(testDatabase);
});
afterEach(async () => {
  await builder?.stop();
  builder = undefined;
  await farm.dispose();
});

async function start(options: { runBuild?: BuildRunner; parallelMax?: number; farm?: FarmContext } = {}): Promise<LocalBuilder> {
  builder = new LocalBuilder({
    farm: options.farm ?? farm,
    runBuild: options.runBuild ?? fakeBuildRunner(),
    architectures: ["amd64"],
    parallelMax: options.parallelMax ?? 1,
  });
  await builder.start();
  return builder;
}

/** An upload of a generated source package, with its build ordered. */
async function upload(source: SourceOptions, overrides: Partial<BuildOrder> = {}): Promise<{ uploadId: string; id: string }> {
  const name = source.name ?? "foo";
  const version = source.version ?? "1.0";
  const uploadId = `${name}/${version}/20261122:130513:909198`;
  const directory = sourceDirectory(farm, uploadId);
  await mkdir(directory, { recursive: true });
  const made = await makeSource(directory, { ...source, name, version });
  const files = [made.dsc, ...made.files].map(({ name, sizeBytes, sha256 }) => ({ name, sizeBytes, sha256 }));
  const order = newBuild({ source: name, version, dscName: made.dsc.name, files, ...overrides });
  const [id = ""] = await orderTestBuilds(farm, [order], uploadId);
  return { uploadId, id };
}

async function ended(id: string): Promise<void> {
  await whenBuilds(farm, async () => !["waiting", "leased"].includes((await loadBuild(farm.database.read, id)).state));
}

/** A running build that ends when it is told to, by whichever way. */
function heldBuild(): { runBuild: BuildRunner; started: Promise<AbortSignal>; end: () => void } {
  const started = Promise.withResolvers<AbortSignal>();
  const end = Promise.withResolvers<void>();
  const runBuild: BuildRunner = async (_order, { signal }) => {
    started.resolve(signal);
    signal.addEventListener("abort", () => end.resolve());
    await end.promise;
    return { status: signal.aborted ? "cancelled" : "built", files: [], checks: [] };
  };
  return { runBuild, started: started.promise, end: end.resolve };
}

test("a build goes through its steps, delivers verified files and keeps its log compressed", async () => {
  const { uploadId, id } = await upload({ name: "foo", version: "1:1.0-1", architecture: "any" });
  const builder = await start();
  await ended(id);
  await builder.drain();

  const build = await loadBuild(farm.database.read, id);
  expect(build.result).toMatchObject({ status: "built" });
  expect(build.steps.map(({ step, outcome }) => `${step} ${outcome}`)).toEqual([
    "prepare ok",
    "build ok",
    "checks skipped",
    "deliver ok",
  ]);

  const files = await listBuiltFiles(farm, farm.database.read, uploadId);
  expect(files.map(({ name }) => name)).toEqual(["foo_1.0-1_amd64.changes", "foo_1.0-1_amd64.deb"]);
  for (const { path, sizeBytes } of files) expect((await readFile(path)).length).toBe(sizeBytes);
  expect((await readdir(buildDirectory(farm, id))).sort()).toEqual([
    "foo_1.0-1_amd64.buildlog.gz",
    "foo_1.0-1_amd64.changes",
    "foo_1.0-1_amd64.deb",
  ]);

  const location = await locateBuildLog(farm, farm.database.read, id);
  const log = gunzipSync(await readFile(`${location.path}.gz`));
  expect(await location.hasEnded()).toBe(true);
  for (const { step, logOffsetBytes } of build.steps) {
    expect(log.subarray(logOffsetBytes).toString()).toMatch(new RegExp(`^=== mini-buildd: ${step} ===`));
  }
});

test.each([
  ["foo-fails", "package-failed", "build", "main.c:1:1: error: expected declaration"],
  ["foo-lies", "package-failed", "build", "is not what the .changes of the build says"],
] as const)("%s ends as %s in step %s", async (name, status, failedStep, reason) => {
  const { id, uploadId } = await upload({ name, architecture: "any" });
  await start();
  await ended(id);

  const build = await loadBuild(farm.database.read, id);
  expect(build).toMatchObject({ state: "done", result: { status, failedStep } });
  expect(build.reason).toContain(reason);
  expect(await listBuiltFiles(farm, farm.database.read, uploadId)).toEqual([]);
});

test("a failing environment is tried again later", async () => {
  const { id, uploadId } = await upload({ name: "foo-breaks", architecture: "any" });
  await start();
  await ended(id);

  const builds = await listBuilds(farm.database.read, uploadId);
  expect(builds.map(({ state }) => state)).toEqual(["done", "waiting"]);
  expect(builds[1]?.reason).toContain("attempt 1 of it ended: sbuild ended with status 1 in stage create-session");
  expect(builds[1]?.notBefore.getTime()).toBeGreaterThan(farm.clock.now().getTime());
});

test("a source with nothing for the architecture is skipped", async () => {
  const { id } = await upload({ architecture: "all" }, { buildsAll: false });
  await start();
  await ended(id);

  const build = await loadBuild(farm.database.read, id);
  expect(build).toMatchObject({
    state: "done",
    result: { status: "skipped" },
    reason: "nothing is to be built for amd64",
  });
});

test("source files that changed since the order are not built", async () => {
  const { id, uploadId } = await upload({ architecture: "any" });
  await writeFile(join(sourceDirectory(farm, uploadId), "foo_1.0.tar.gz"), "other bytes");
  await start();
  await ended(id);

  expect((await loadBuild(farm.database.read, id)).reason).toContain("foo_1.0.tar.gz differs from the build order");
});

test("a silent build is killed and the reason says which limit and its value", async () => {
  const limits = { timeoutMs: 60_000, silenceTimeoutMs: 700, logSizeBytesMax: 1_000_000 };
  const { id } = await upload({ name: "foo-hangs", architecture: "any" }, { limits });
  await start();
  await ended(id);

  const build = await loadBuild(farm.database.read, id);
  expect(build.result).toMatchObject({ status: "package-failed", failedStep: "build" });
  expect(build.reason).toBe("the build printed nothing for 700 ms (limit buildSilenceTimeoutMs)");
});

test("cancelling a running build kills it within a second", async () => {
  const { id } = await upload({ name: "foo-hangs", architecture: "any" });
  const builder = await start();
  await vi.waitFor(async () => expect(await logText(id)).toContain("waiting to be killed"), { timeout: 10_000 });

  const cancelledAtMs = performance.now();
  await cancelBuild(farm, id, "alice");
  await builder.drain();

  expect(performance.now() - cancelledAtMs).toBeLessThan(1_500);
  expect(await loadBuild(farm.database.read, id)).toMatchObject({ state: "cancelled", reason: "cancelled by alice" });
});

test("builds run side by side up to the builder's number", async () => {
  const held = [heldBuild(), heldBuild(), heldBuild()];
  let count = 0;
  const runBuild: BuildRunner = (order, context) => (held[count++] ?? heldBuild()).runBuild(order, context);
  for (const name of ["foo", "bar", "baz"]) await upload({ name, architecture: "any" });
  const builder = await start({ runBuild, parallelMax: 2 });

  await Promise.all([held[0]?.started, held[1]?.started]);
  expect(builder.status.running).toHaveLength(2);
  expect(count).toBe(2);
  held[0]?.end();
  await held[2]?.started;

  expect(count).toBe(3);
});

test("stopping gives running builds back; draining lets them end", async () => {
  const { uploadId } = await upload({ architecture: "any" });
  const first = heldBuild();
  const stopped = await start({ runBuild: first.runBuild });
  await first.started;
  await stopped.stop();
  expect((await listBuilds(farm.database.read, uploadId)).map(({ state }) => state)).toEqual(["lost", "waiting"]);

  const second = heldBuild();
  const drained = await start({ runBuild: second.runBuild });
  await second.started;
  const isDrained = drained.drain();
  second.end();
  await isDrained;

  expect((await listBuilds(farm.database.read, uploadId)).map(({ state }) => state)).toEqual(["lost", "done"]);
});

test("pausing gives running builds back and takes none; going on builds them", async () => {
  const held = heldBuild();
  let isFirst = true;
  const builds = fakeBuildRunner();
  const local = await start({
    runBuild: (order, context) => {
      const run = isFirst ? held.runBuild : builds;
      isFirst = false;
      return run(order, context);
    },
  });
  const { uploadId } = await upload({});
  await held.started;
  const states = async () => (await listBuilds(farm.database.read, uploadId)).map(({ state }) => state);

  local.pause();
  await whenBuilds(farm, async () => (await states()).includes("waiting"));
  expect(await states()).toEqual(["lost", "waiting"]);
  expect(local.status).toMatchObject({ holdReason: "an administrator stopped building" });

  local.resume();
  await whenBuilds(farm, async () => (await states()).includes("done"));
  expect(await states()).toEqual(["lost", "done"]);
});

test("a build that the builder held when it died is taken up again at once", async () => {
  const { uploadId, id } = await upload({ architecture: "any" });
  await claimBuild(farm, { builder: "local", architectures: ["amd64"] });
  // What the dead process left in its directory.
  await mkdir(join(buildDirectory(farm, id), "work", "result"), { recursive: true });
  await writeFile(join(buildDirectory(farm, id), "foo_1.0_amd64.buildlog"), "half a log");

  const builder = await start();
  await whenBuilds(farm, async () => (await listCurrentBuilds(farm.database.read, uploadId))[0]?.state === "done");
  await builder.drain();

  const builds = await listBuilds(farm.database.read, uploadId);
  expect(builds.map(({ state, result }) => `${state} ${result?.status}`)).toEqual(["lost undefined", "done built"]);
  expect(await readdir(buildDirectory(farm, id))).toEqual(["foo_1.0_amd64.buildlog.gz"]);
});

test("below the disk reserve builds wait, and say why", async () => {
  const { id } = await upload({ architecture: "any" });
  const builder = await start({ farm: { ...farm, limits: { ...farm.limits, diskReserveBytes: Number.MAX_SAFE_INTEGER } } });
  await vi.waitFor(() => expect(builder.status.holdReason).toBeDefined());

  expect(await claimBuild(farm, { builder: "other", architectures: ["arm64"] })).toBeUndefined();
  await vi.waitFor(async () => expect((await loadBuild(farm.database.read, id)).reason).toBeDefined());
  const build = await loadBuild(farm.database.read, id);
  expect(build.state).toBe("waiting");
  expect(build.reason).toContain("limit diskReserveBytes");
});

test("below the disk reserve room is made, and builds go on when there is enough", async () => {
  const { id } = await upload({ architecture: "any" });
  let diskReserveBytes = Number.MAX_SAFE_INTEGER;
  const limits = {
    ...farm.limits,
    get diskReserveBytes() {
      return diskReserveBytes;
    },
  };
  const reasons: (string | undefined)[] = [];
  builder = new LocalBuilder({
    farm: { ...farm, limits },
    runBuild: fakeBuildRunner(),
    architectures: ["amd64"],
    pollIntervalMs: 20,
    makeRoom: async (freeBytesMin) => {
      await vi.waitFor(async () => expect((await loadBuild(farm.database.read, id)).reason).toContain("waits for disk space"));
      reasons.push(builder?.status.holdReason);
      expect(freeBytesMin).toBeGreaterThan(diskReserveBytes);
      diskReserveBytes = 0;
    },
  });
  await builder.start();
  await ended(id);

  expect(reasons).toEqual([expect.stringContaining("waits for disk space")]);
  expect(builder.status.holdReason).toBeUndefined();
  expect((await loadBuild(farm.database.read, id)).result).toMatchObject({ status: "built" });
});

test("a builder that throws is our failure", async () => {
  const { id } = await upload({ architecture: "any" });
  await start({ runBuild: () => Promise.reject(new Error("boom")) });
  await ended(id);

  expect((await loadBuild(farm.database.read, id)).result).toMatchObject({ status: "environment-failed", reason: "boom" });
});

async function logText(id: string): Promise<string> {
  const { path } = await locateBuildLog(farm, farm.database.read, id);
  return readFile(path, "utf8").catch(() => "");
}

test("builds that run together share the processors, and one alone has them all", async () => {
  const jobs: number[] = [];
  const runBuild: BuildRunner = async (_order, context) => {
    jobs.push(context.jobs);
    return { status: "built", files: [], checks: [] };
  };
  const first = await upload({ name: "alone" });
  await start({ runBuild, parallelMax: 2 });
  await ended(first.id);
  await builder?.stop();
  const both = [await upload({ name: "one" }), await upload({ name: "two" })];
  await start({ runBuild, parallelMax: 2 });
  for (const { id } of both) await ended(id);

  const cores = availableParallelism();
  expect(jobs.slice(0, 2)).toEqual([cores, Math.ceil(cores / 2)]);
});

test("with little memory left builds run one at a time, and say why they wait", async () => {
  const little: FarmContext = { ...farm, limits: { ...farm.limits, memoryReserveBytes: Number.MAX_SAFE_INTEGER } };
  const held = heldBuild();
  const first = await upload({ name: "first" });
  const second = await upload({ name: "second" });
  await start({ runBuild: held.runBuild, parallelMax: 2, farm: little });
  await held.started;

  await vi.waitFor(async () => {
    const reasons = await Promise.all([first, second].map(async ({ id }) => (await loadBuild(farm.database.read, id)).reason));
    expect(reasons.join()).toContain("limit memoryReserveBytes");
  }, 20_000);

  held.end();
  for (const { id } of [first, second]) await ended(id);
});
