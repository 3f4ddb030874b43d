import { describe, expect, test } from "vitest";
import { listBuilds } from "../../../src/farm/index.ts";
import { retryUpload } from "../../../src/packager/index.ts";
import { engines } from "../../support/database.ts";
import { makeDeb } from "../../support/packages.ts";
import { PackagerSite } from "./packager-site.ts";

const VERSION = "1.0-1~test12+1";
const FAILURE = { status: "package-failed", failedStep: "build", reason: "make failed" } as const;

describe.each(engines)("retrying on %s", (engine) => {
  const site = PackagerSite.use(engine);

  const debFor = (architecture: string) => makeDeb(site.newDirectory(), { version: VERSION, architecture });
  const retry = (key: string) => retryUpload(site.context, key, "alice");

  /** arm64 was built, amd64 was not. */
  async function failedUpload(): Promise<string> {
    const uploadId = await site.upload(await site.makeSource({ architecture: "any" }));
    await site.build("arm64", { debs: [await debFor("arm64")] });
    await site.build("amd64", FAILURE);
    expect(await site.state(uploadId)).toBe("failed");
    return uploadId;
  }

  async function attempts(uploadId: string): Promise<string[]> {
    const builds = await listBuilds(site.database.database.read, uploadId);
    return builds.map(({ architecture, attempt, state }) => `${architecture} ${attempt} ${state}`);
  }

  test("builds what failed, keeps what was built, and installs both; pressed twice, it builds once", async () => {
    const uploadId = await failedUpload();

    expect(await retry(`${uploadId}/amd64`)).toBe(`hello_${VERSION}_source.changes`);
    expect(await retry(uploadId)).toBe(`hello_${VERSION}_source.changes`);

    expect(await site.state(uploadId)).toBe("building");
    expect(await site.problems(uploadId)).toEqual([]);
    expect(await attempts(uploadId)).toEqual(["amd64 1 done", "amd64 2 waiting", "arm64 1 done"]);
    await site.build("amd64", { debs: [await debFor("amd64")] });
    expect(await site.state(uploadId)).toBe("installed");
    const events = await site.publicEvents(uploadId);
    expect(events.slice(-4)).toEqual(["FAILED", "BUILDING", "BUILT", "INSTALLED"]);
  });

  test("failing again, it fails again, and attempts of our environment count anew", async () => {
    const uploadId = await failedUpload();
    await retry(`${uploadId}/source`);

    await site.build("amd64", { status: "environment-failed", reason: "mirror away" });
    expect(await site.state(uploadId)).toBe("building");
    expect((await attempts(uploadId))[2]).toBe("amd64 3 waiting");
  });

  test("what has not failed, was uploaded again or does not exist is refused", async () => {
    const uploadId = await failedUpload();
    const again = await site.upload(await site.makeSource({ architecture: "any" }), { fields: { Urgency: "low" } });
    expect(await site.state(again)).toBe("building");

    await expect(retry(uploadId)).rejects.toMatchObject({ code: "RETRY_OVERTAKEN" });
    await site.build("amd64", { debs: [await debFor("amd64")] });
    await site.build("arm64", { debs: [await debFor("arm64")] });
    await expect(retry(again)).rejects.toMatchObject({ code: "RETRY_NOT_FAILED" });
    await expect(retry("hello/9/20261122:130513:909198")).rejects.toMatchObject({ code: "UPLOAD_NOT_FOUND" });
  });
});
