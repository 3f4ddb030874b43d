import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { countPackages, findNewestSource, listBinaries } from "../../../src/archive/index.ts";
import { cancelUploadBuilds } from "../../../src/farm/index.ts";
import { engines } from "../../support/database.ts";
import { makeDeb } from "../../support/packages.ts";
import { PackagerSite, UNSTABLE } from "./packager-site.ts";

const VERSION = "1.0-1~test12+1";

describe.each(engines)("after the builds on %s", (engine) => {
  const site = PackagerSite.use(engine);

  /** A build on amd64, which must succeed, and one on arm64, which may fail. */
  async function uploadForBoth(): Promise<string> {
    return site.upload(await site.makeSource({ architecture: "any" }));
  }

  async function debFor(architecture: string, options: { name?: string; source?: string; version?: string } = {}) {
    return makeDeb(site.newDirectory(), { version: VERSION, architecture, ...options });
  }

  async function installedVersion(): Promise<string | undefined> {
    return (await findNewestSource(site.database.database.read, "hello", UNSTABLE))?.version;
  }

  test("source and binary packages are installed when every build has ended", async () => {
    const uploadId = await uploadForBoth();

    await site.build("amd64", { debs: [await debFor("amd64")] });
    expect(await site.state(uploadId)).toBe("building");
    await site.build("arm64", { debs: [await debFor("arm64")] });

    expect(await site.verdict(uploadId)).toBe("installed");
    expect(await installedVersion()).toBe(VERSION);
    const binaries = await listBinaries(site.database.database.read, UNSTABLE, { name: "hello", version: VERSION });
    expect(binaries.map(({ architecture }) => architecture)).toEqual(["amd64", "arm64"]);
    expect(await site.publicEvents(uploadId)).toEqual(["PACKAGING", "BUILDING", "BUILT", "BUILDING", "BUILT", "INSTALLED"]);
    const pending = await site.database.database.read
      .selectFrom("publications")
      .select("state")
      .where("distribution", "=", UNSTABLE)
      .where("state", "=", "pending")
      .execute();
    expect(pending).toHaveLength(1);
  });

  test("what is installed has the bytes that were built", async () => {
    const uploadId = await site.upload(await site.makeSource());
    const deb = await makeDeb(site.newDirectory(), { version: VERSION });

    await site.build("amd64", { debs: [deb] });

    expect(await site.state(uploadId)).toBe("installed");
    const stored = await readFile(site.context.archive.contentStore.pathOf(deb.sha256));
    expect(stored.equals(await readFile(deb.path))).toBe(true);
  });

  test("a mandatory architecture that fails fails the upload, with the step and the reason", async () => {
    const uploadId = await uploadForBoth();

    await site.build("arm64", { debs: [await debFor("arm64")] });
    await site.build("amd64", { status: "package-failed", failedStep: "checks", reason: "lintian: 2 errors" });

    expect(await site.verdict(uploadId)).toBe("failed BUILD_FAILED");
    expect((await site.problems(uploadId))[0]?.message).toBe("amd64: the build failed in step checks: lintian: 2 errors");
    expect(await installedVersion()).toBeUndefined();
    expect((await site.publicEvents(uploadId)).at(-1)).toBe("FAILED");
  });

  test("an optional architecture that fails does not", async () => {
    const uploadId = await uploadForBoth();

    await site.build("amd64", { debs: [await debFor("amd64")] });
    await site.build("arm64", { status: "package-failed", failedStep: "build", reason: "make failed" });

    expect(await site.verdict(uploadId)).toBe("installed");
    const binaries = await listBinaries(site.database.database.read, UNSTABLE, { name: "hello", version: VERSION });
    expect(binaries.map(({ architecture }) => architecture)).toEqual(["amd64"]);
  });

  test("when every architecture has nothing to build, the upload fails and says so", async () => {
    const uploadId = await uploadForBoth();

    await site.build("amd64", { status: "skipped", reason: "nothing is to be built for amd64" });
    await site.build("arm64", { status: "skipped", reason: "nothing is to be built for arm64" });

    expect(await site.verdict(uploadId)).toBe("failed NOTHING_BUILT");
  });

  test("the configured limits for a .deb are in force", async () => {
    site.change({ limits: { ...site.context.limits, debControlSizeBytesMax: 512 } });
    const uploadId = await site.upload(await site.makeSource());

    await site.build("amd64");

    expect(await site.verdict(uploadId)).toBe("failed DEB_TOO_LARGE");
  });

  test("a source for other architectures only is not built by those it names not", async () => {
    const uploadId = await site.upload(await site.makeSource({ architecture: "hurd-i386" }));

    await site.build("amd64", { status: "skipped" });
    await site.build("arm64", { status: "skipped" });

    expect(await site.verdict(uploadId)).toBe("failed NOTHING_BUILT");
  });

  test("a cancelled build fails the upload, and says by whom", async () => {
    const uploadId = await uploadForBoth();

    await cancelUploadBuilds(site.context.farm, uploadId, "the tester");
    await site.runJobs();

    expect(await site.verdict(uploadId)).toBe("failed BUILD_CANCELLED");
    expect((await site.problems(uploadId))[0]?.message).toContain("cancelled by the tester");
  });

  test("an environment that failed in every attempt is told as ours", async () => {
    site.change({ farm: { ...site.context.farm, limits: { ...site.context.farm.limits, buildAttemptsMax: 1 } } });
    const uploadId = await site.upload(await site.makeSource());

    await site.build("amd64", { status: "environment-failed", failedStep: "prepare", reason: "mirror away" });

    expect(await site.verdict(uploadId)).toBe("failed BUILD_ENVIRONMENT_FAILED");
    expect((await site.problems(uploadId))[0]?.message).toBe("amd64: our build environment failed in step prepare: mirror away");
  });

  test.each([
    ["another source", { name: "openssl", source: "openssl (1.0-1~test12+1)" }],
    ["another version of the source", { source: "hello (9.0)" }],
    ["another version, of a source of that version", { version: "9.0" }],
    ["another architecture", { name: "hello-dev", architecture: "arm64" }],
  ])("a built package that claims %s is not installed", async (_, claim) => {
    const uploadId = await site.upload(await site.makeSource({ architecture: "any" }));
    const deb = await makeDeb(site.newDirectory(), { version: VERSION, architecture: "amd64", ...claim });

    await site.build("arm64", { status: "skipped" });
    await site.build("amd64", { debs: [await debFor("amd64"), { ...deb, name: `claim-${deb.name}` }] });

    expect(await site.verdict(uploadId)).toBe("failed BINARY_FOREIGN");
    expect(await installedVersion()).toBeUndefined();
  });

  test("a package of another version that names its source is installed", async () => {
    const uploadId = await site.upload(await site.makeSource());
    const deb = await makeDeb(site.newDirectory(), { name: "libhello1", version: "3.0", source: `hello (${VERSION})` });

    await site.build("amd64", { debs: [deb] });

    expect(await site.verdict(uploadId)).toBe("installed");
  });

  test("a binary package that was installed before with other content fails the upload, with both hashes", async () => {
    await site.install();
    const uploadId = await site.upload(await site.makeSource({ version: "1.0-2~test12+1" }));
    // The same name and version as the first upload's.
    const deb = await makeDeb(site.newDirectory(), {
      version: VERSION,
      source: "hello (1.0-2~test12+1)",
      files: { "usr/share/other": "other" },
    });

    await site.build("amd64", { debs: [deb] });

    expect(await site.verdict(uploadId)).toBe("failed IDENTITY_CONFLICT");
    expect((await site.problems(uploadId))[0]?.message).toContain(deb.sha256);
    expect(await installedVersion()).toBe(VERSION);
  });

  test("a distribution that went away during the build fails the upload", async () => {
    const uploadId = await site.upload(await site.makeSource());
    const without = site.makeCatalog("");
    site.change({ catalog: () => without });

    await site.build("amd64");

    expect(await site.verdict(uploadId)).toBe("failed DISTRIBUTION_GONE");
  });

  test("an upload that a higher version overtook fails instead of going backwards", async () => {
    const slow = await site.upload(await site.makeSource());
    const slowBuild = await site.claim("amd64");
    const fast = await site.upload(await site.makeSource({ version: "2.0-1~test12+1" }));
    await site.build("amd64");

    await site.finish(slowBuild);
    await site.runJobs();

    expect([await site.verdict(slow), await site.verdict(fast)]).toEqual(["failed VERSION_NOT_HIGHER", "installed"]);
    expect(await countPackages(site.database.database.read, UNSTABLE)).toEqual({ sources: 1, binaries: 1 });
    expect(await installedVersion()).toBe("2.0-1~test12+1");
  });
});
