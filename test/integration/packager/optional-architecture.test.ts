import { describe, expect, test } from "vitest";
import { giveUpOptionalBuilds } from "../../../src/farm/index.ts";
import { engines } from "../../support/database.ts";
import { PackagerSite } from "./packager-site.ts";

const HOUR_MS = 60 * 60 * 1000;

describe.each(engines)("an optional architecture that nobody builds, on %s", (engine) => {
  const site = PackagerSite.use(engine);

  /** Its builds: amd64, mandatory, and arm64, optional. */
  async function upload(name: string): Promise<string> {
    const uploadId = await site.upload(await site.makeSource({ name, architecture: "any" }));
    expect(await site.state(uploadId)).toBe("building");
    return uploadId;
  }

  async function giveUp(): Promise<string[]> {
    const ids = await giveUpOptionalBuilds(site.context.farm, HOUR_MS);
    await site.runJobs();
    return ids;
  }

  test("is given up some time after the mandatory ones have ended, which installs the upload and says why", async () => {
    const uploadId = await upload("hello");
    site.database.clock.advance(2 * HOUR_MS);
    expect(await giveUp()).toEqual([]);

    await site.build("amd64");
    expect(await giveUp()).toEqual([]);
    expect(await site.state(uploadId)).toBe("building");

    site.database.clock.advance(HOUR_MS + 1);
    expect(await giveUp()).toEqual([`${uploadId}/arm64`]);
    expect(await site.state(uploadId)).toBe("installed");
    const ended = (await site.events(uploadId)).find(({ type, data }) => type === "build-state" && data["to"] === "cancelled");
    expect(ended?.data["reason"]).toMatch(/can do without it, and no builder for arm64 has worked for 60 minutes/);
  });

  test("is waited for while a builder works on others of it", async () => {
    const first = await upload("first");
    const second = await upload("second");
    await site.build("amd64");
    await site.build("amd64");
    site.database.clock.advance(HOUR_MS + 1);
    const lease = await site.claim("arm64");

    expect(await giveUp()).toEqual([]);

    await site.finish(lease, { status: "package-failed", reason: "it does not build there" });
    site.database.clock.advance(HOUR_MS + 1);
    expect(await giveUp()).toHaveLength(1);
    expect([await site.state(first), await site.state(second)]).toEqual(["installed", "installed"]);
  });
});
