import { describe, expect, test } from "vitest";
import { ensureDistributions } from "../../../src/archive/index.ts";
import type { MissingDependencies } from "../../../src/buildorder/index.ts";
import { constructMovement } from "../../../src/daemon/movement.ts";
import { EventLog } from "../../../src/events/index.ts";
import { listCurrentBuilds } from "../../../src/farm/index.ts";
import type { MovementActs } from "../../../src/handlers/index.ts";
import { silentLogger } from "../../../src/runtime/index.ts";
import { loadUpload } from "../../../src/views/index.ts";
import { distributionSettings } from "../../support/archive.ts";
import { engines } from "../../support/database.ts";
import { makeDeb } from "../../support/packages.ts";
import { PackagerSite, UNSTABLE } from "./packager-site.ts";

const APP_VERSION = "1.0-1~test12+1";
const EXPERIMENTAL = "bookworm-test-experimental";
const HOTFIX = "bookworm-test-hotfix";
const TESTING = "bookworm-test-testing";
const STABLE = "bookworm-test-stable";

interface UploadedApp {
  readonly distribution?: string;
  readonly known?: MissingDependencies["known"];
}

describe.each(engines)("builds whose build dependencies are missing, on %s", (engine) => {
  const site = PackagerSite.use(engine);

  async function uploadApp(relation: string, isDeep = false, more: UploadedApp = {}): Promise<string> {
    const { distribution = UNSTABLE, known } = more;
    const uploadId = await site.upload(await site.makeSource({ name: "app", version: APP_VERSION }), { distribution });
    const missing = { relations: [relation], isDeep, known };
    await site.build("amd64", { status: "dependencies-missing", reason: `needs ${relation}`, missing });
    return uploadId;
  }

  async function installLibrary(version: string, fields: Record<string, string> = {}): Promise<void> {
    const uploadId = await site.upload(await site.makeSource({ name: "libfoo", version }));
    await site.build("amd64", { debs: [await makeDeb(site.newDirectory(), { name: "libfoo", version, fields })] });
    expect(await site.state(uploadId)).toBe("installed");
  }

  /** As the daemon has them. */
  function movement(): MovementActs {
    const { database, location, clock } = site.database;
    const foundation = { database, location, clock, logger: silentLogger, paths: { cache: site.newDirectory() } };
    return constructMovement(foundation, { current: site.context.catalog() });
  }

  async function current(uploadId: string) {
    const [build] = await listCurrentBuilds(site.database.database.read, uploadId);
    return build;
  }

  test("wait until the archive has them, and are then built with it", async () => {
    const uploadId = await uploadApp("libfoo (>= 2)");

    expect(await site.state(uploadId)).toBe("building");
    const reason = "waits for libfoo (>= 2): nothing known offers libfoo (>= 2)";
    expect(await current(uploadId)).toMatchObject({ attempt: 2, state: "waiting", reason });
    await expect(site.claim("amd64")).rejects.toThrow("nothing waits");

    await installLibrary("1.0~test12+1");
    expect((await current(uploadId))?.reason).toBe(reason);
    await installLibrary("2.0~test12+1");
    expect((await current(uploadId))?.reason).toBe("tried again: libfoo 2.0~test12+1 is there");

    const order = await site.build("amd64");
    expect(order).toMatchObject({ source: "app", attempt: 2 });
    expect(order.extraSources.map(({ name }) => name)).toContain(`own-${UNSTABLE}`);
    expect(await site.state(uploadId)).toBe("installed");
    expect(await site.publicEvents(uploadId)).toEqual(["PACKAGING", "BUILDING", "BUILT", "INSTALLED"]);
  });

  test("are satisfied by what provides them", async () => {
    const uploadId = await uploadApp("foo-api");

    await installLibrary("1.0~test12+1", { Provides: "foo-api" });

    expect((await current(uploadId))?.reason).toBe("tried again: libfoo 1.0~test12+1 is there");
  });

  test("that are missing in spite of what the archive offers are not tried over and over", async () => {
    await installLibrary("2.0~test12+1");

    const uploadId = await uploadApp("libfoo (>= 2)", true);
    await site.runJobs();

    expect(await current(uploadId)).toMatchObject({
      attempt: 2,
      reason: `waits for libfoo (>= 2), or what they need: libfoo 2.0~test12+1 is in ${UNSTABLE}, and something that it needs may be missing`,
    });
    await expect(site.claim("amd64")).rejects.toThrow("nothing waits");
  });

  test("are tried again when what they need comes back by an undo", async () => {
    await installLibrary("2.0~test12+1");
    await movement().remove({ source: "libfoo", distribution: UNSTABLE, version: "2.0~test12+1" });
    await site.runJobs();
    const uploadId = await uploadApp("libfoo (>= 2)");
    const waits = await current(uploadId);

    await movement().undo({ distribution: UNSTABLE });
    await site.runJobs();

    expect(waits?.reason).toMatch(/^waits for libfoo/);
    expect((await current(uploadId))?.reason).toBe("tried again: libfoo 2.0~test12+1 is there");
    await site.build("amd64");
    expect(await site.state(uploadId)).toBe("installed");
  });

  test("are tried again when what they need comes back by a restore", async () => {
    await installLibrary("2.0~test12+1");
    const library = { source: "libfoo", distribution: UNSTABLE, version: "2.0~test12+1" };
    await movement().remove(library);
    await site.runJobs();
    const uploadId = await uploadApp("libfoo (>= 2)");
    const waits = await current(uploadId);

    await movement().restore(library);
    await site.runJobs();

    expect(waits?.reason).toMatch(/^waits for libfoo/);
    expect((await current(uploadId))?.reason).toBe("tried again: libfoo 2.0~test12+1 is there");
    await site.build("amd64");
    expect(await site.state(uploadId)).toBe("installed");
  });

  test("are tried again when what they need is migrated to where they see it, not before", async () => {
    const path = [
      distributionSettings(UNSTABLE, { migratesTo: TESTING }),
      distributionSettings(TESTING, { migratesTo: STABLE }),
      distributionSettings(HOTFIX, { migratesTo: STABLE }),
      distributionSettings(STABLE),
    ];
    await site.database.database.transaction((tx) => ensureDistributions(tx, path));
    await installLibrary("2.0~test12+1");
    const uploadId = await uploadApp("libfoo (>= 2)", false, { distribution: HOTFIX });

    // What a base archive has is of no concern here: it cannot be asked.
    await movement().migrate({ source: "libfoo", distribution: UNSTABLE, force: true });
    await site.runJobs();
    expect(await outlook(uploadId)).toEqual([
      `libfoo 2.0~test12+1 is in ${TESTING}: migrate it`,
      `libfoo 2.0~test12+1 is in ${UNSTABLE}: migrate it`,
    ]);
    await expect(site.claim("amd64")).rejects.toThrow("nothing waits");

    await movement().migrate({ source: "libfoo", distribution: TESTING, force: true });
    await site.runJobs();
    expect((await current(uploadId))?.reason).toBe("tried again: libfoo 2.0~test12+1 is there");
    const order = await site.build("amd64");
    expect(order.extraSources.map(({ name }) => name)).toEqual([`own-${STABLE}`]);
    expect(await site.state(uploadId)).toBe("installed");
  });

  test("are tried again by themselves some time later, as a base changes without a word", async () => {
    const uploadId = await uploadApp("libbase-dev (>= 2)");
    const { dependencyRecheckMs } = site.context.limits;
    const { clock } = site.database;

    clock.advance(dependencyRecheckMs - 1000);
    await expect(site.claim("amd64")).rejects.toThrow("nothing waits");
    clock.advance(1000);
    await site.build("amd64", { status: "dependencies-missing", missing: { relations: ["libbase-dev (>= 2)"], isDeep: false } });
    // Not there yet: it is asked for less often.
    clock.advance(dependencyRecheckMs);
    await expect(site.claim("amd64")).rejects.toThrow("nothing waits");
    clock.advance(dependencyRecheckMs);
    expect(await site.build("amd64")).toMatchObject({ source: "app", attempt: 3 });
    expect(await site.state(uploadId)).toBe("installed");
  });

  async function outlook(uploadId: string): Promise<readonly string[] | undefined> {
    const { database, clock } = site.database;
    const views = { db: database.read, events: new EventLog(database), buildsPath: "", served: () => [], clock };
    const { builds } = await loadUpload(views, uploadId);
    const { reason, waits_for: wait } = builds.at(-1) ?? {};
    expect(reason).toBe(`waits for libfoo (>= 2): ${wait?.outlook.join("; ")}`);
    const news = (await site.events(uploadId)).findLast(({ type }) => type === "build-state");
    expect(news?.data).toMatchObject({ reason, relations: wait?.relations, outlook: wait?.outlook });
    return wait?.outlook;
  }

  test("say which upload is being built that may bring it, that it failed, and which version is known", async () => {
    const known = [
      { name: "libfoo", version: "1.2-1", from: "bookworm/main" },
      { name: "libfoo", version: "1.1-1", from: "bookworm-updates/main" },
    ];
    const app = await uploadApp("libfoo (>= 2)", false, { known });
    expect(await outlook(app)).toEqual(["nothing known offers libfoo (>= 2): the newest here is 1.2-1 (bookworm/main)"]);

    const library = await site.upload(await site.makeSource({ name: "libfoo", version: "2.0~test12+1" }));
    expect(await outlook(app)).toEqual([`libfoo 2.0~test12+1 is being built for ${UNSTABLE} (${library})`]);
    await site.build("amd64", { status: "package-failed", reason: "no" });
    expect(await outlook(app)).toEqual([`libfoo 2.0~test12+1 failed for ${UNSTABLE}: correct or retry it (${library})`]);
    await site.runJobsAgain();
    const said = (await site.events(app)).filter(({ data }) => data["outlook"] !== undefined);
    expect(said).toHaveLength(3);
  });

  test("say where it is already, and how it comes from there", async () => {
    await installLibrary("2.0~test12+1");
    const library = { name: "libfoo", version: "2.1~test12+0" };
    await site.upload(await site.makeSource(library), { distribution: EXPERIMENTAL });
    await site.build("amd64");

    const app = await uploadApp("libfoo (>= 2)", false, { distribution: HOTFIX });

    expect(await outlook(app)).toEqual([
      `libfoo 2.1~test12+0 is in ${EXPERIMENTAL}: port it`,
      `libfoo 2.0~test12+1 is in ${UNSTABLE}: migrate it`,
    ]);
  });
});
