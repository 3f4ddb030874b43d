import { describe, expect, test } from "vitest";
import { listCurrentBuilds } from "../../../src/farm/index.ts";
import { engines } from "../../support/database.ts";
import { makeDeb } from "../../support/packages.ts";
import { PackagerSite, UNSTABLE } from "./packager-site.ts";

const APP_VERSION = "1.0-1~test12+1";

describe.each(engines)("builds whose build dependencies are missing, on %s", (engine) => {
  const site = PackagerSite.use(engine);

  async function uploadApp(relation: string, isDeep = false): Promise<string> {
    const uploadId = await site.upload(await site.makeSource({ name: "app", version: APP_VERSION }));
    const missing = { relations: [relation], isDeep };
    await site.build("amd64", { status: "dependencies-missing", reason: `needs ${relation}`, missing });
    return uploadId;
  }

  async function installLibrary(version: string, fields: Record<string, string> = {}): Promise<void> {
    const uploadId = await site.upload(await site.makeSource({ name: "libfoo", version }));
    await site.build("amd64", { debs: [await makeDeb(site.newDirectory(), { name: "libfoo", version, fields })] });
    expect(await site.state(uploadId)).toBe("installed");
  }

  async function current(uploadId: string) {
    const [build] = await listCurrentBuilds(site.database.database.read, uploadId);
    return build;
  }

  test("wait until the archive has them, and are then built with it", async () => {
    const uploadId = await uploadApp("libfoo (>= 2)");

    expect(await site.state(uploadId)).toBe("building");
    expect(await current(uploadId)).toMatchObject({ attempt: 2, state: "waiting", reason: "waits for libfoo (>= 2)" });
    await expect(site.claim("amd64")).rejects.toThrow("nothing waits");

    await installLibrary("1.0~test12+1");
    expect((await current(uploadId))?.reason).toBe("waits for libfoo (>= 2)");
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

    expect(await current(uploadId)).toMatchObject({ attempt: 2, reason: "waits for libfoo (>= 2), or what they need" });
    await expect(site.claim("amd64")).rejects.toThrow("nothing waits");
  });
});
