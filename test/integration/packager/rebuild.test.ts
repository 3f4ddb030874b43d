import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { listBinaries, removeSourceVersion } from "../../../src/archive/index.ts";
import { BUILD_PRIORITIES, cancelUploadBuilds } from "../../../src/farm/index.ts";
import { parseChanges } from "../../../src/formats/index.ts";
import { type RebuildRequest, requestRebuild, retryUpload } from "../../../src/packager/index.ts";
import { engines } from "../../support/database.ts";
import { type DebOptions, type MadeFile, makeDeb } from "../../support/packages.ts";
import { PackagerSite, UNSTABLE } from "./packager-site.ts";

const VERSION = "1.0-1~test12+1";

describe.each(engines)("rebuilds on %s", (engine) => {
  const site = PackagerSite.use(engine);

  function deb(options: DebOptions): Promise<MadeFile> {
    return makeDeb(site.newDirectory(), { version: VERSION, ...options });
  }

  /** hello for amd64, hello-data for all architectures; with these fields in their control files. */
  async function installHello(
    fields: { hello?: Record<string, string>; data?: Record<string, string> } = {},
    changes = "",
  ): Promise<void> {
    const source = await site.makeSource({ architecture: "amd64 all" });
    const entry = `\n hello (${VERSION}) ${UNSTABLE}; urgency=medium\n .\n   * New.${changes}`;
    const uploadId = await site.upload(source, { fields: { Changes: entry } });
    const own = await deb({ architecture: "amd64", ...(fields.hello && { fields: fields.hello }) });
    const data = await deb({ name: "hello-data", source: "hello", ...(fields.data && { fields: fields.data }) });
    await site.build("amd64", { debs: [own, data] });
    expect(await site.verdict(uploadId)).toBe("installed");
  }

  function rebuild(more: Partial<RebuildRequest> = {}) {
    return requestRebuild(site.context, { source: "hello", distribution: UNSTABLE, by: "tester", ...more });
  }

  function rebuilt(number: number, more: DebOptions = {}): Promise<MadeFile> {
    return deb({ version: `${VERSION}+b${number}`, source: `hello (${VERSION})`, architecture: "amd64", ...more });
  }

  async function binaries(): Promise<string[]> {
    const rows = await listBinaries(site.database.database.read, UNSTABLE, { name: "hello", version: VERSION });
    return rows.map(({ name, version, architecture }) => [name, version, architecture].join(" "));
  }

  test("build the architecture's own packages again, with the next number, and replace what was there", async () => {
    await installHello();

    const first = await rebuild({ reason: "  Rebuild against\n libfoo 2. " });
    expect(first).toMatchObject({
      method: "binnmu",
      source: "hello",
      sourceVersion: VERSION,
      version: `${VERSION}+b1`,
      distribution: UNSTABLE,
      architectures: ["amd64"],
      notes: [],
    });
    const uploadId = first.uploadId ?? "";
    await site.runJobs();
    expect(await site.verdict(uploadId)).toBe("building");
    const order = await site.order(uploadId, "amd64");
    expect(order).toMatchObject({
      source: "hello",
      version: `${VERSION}+b1`,
      dscName: `hello_${VERSION}.dsc`,
      buildsAll: false,
      binNmu: { sourceVersion: VERSION },
      lintianMode: "ignore",
      previousBinaries: [
        { name: "hello", version: VERSION },
        { name: "hello-data", version: VERSION },
      ],
    });
    expect(order.binNmu?.changelogEntry.split("\n")).toEqual([
      `hello (${VERSION}+b1) ${UNSTABLE}; urgency=low, binary-only=yes`,
      "",
      "  * Binary-only non-maintainer upload for amd64; no source changes.",
      "  * Rebuild against libfoo 2.",
      "",
      " -- mini-buildd Example <mini-buildd@mini-buildd.example.org>  Sun, 22 Nov 2026 13:05:13 +0000",
    ]);
    await site.build("amd64", { debs: [await rebuilt(1)] });
    expect(await site.verdict(uploadId)).toBe("installed");
    expect(await site.publicEvents(uploadId)).toEqual(["PACKAGING", "BUILDING", "BUILT", "INSTALLED"]);
    expect(await binaries()).toEqual([`hello ${VERSION}+b1 amd64`, `hello-data ${VERSION} all`]);

    const second = await rebuild();
    await site.runJobs();
    await site.build("amd64", { debs: [await rebuilt(2)] });

    expect(second.version).toBe(`${VERSION}+b2`);
    expect(await binaries()).toEqual([`hello ${VERSION}+b2 amd64`, `hello-data ${VERSION} all`]);
  });

  test("give way to people's uploads, and repeat what a crash interrupted without doing it twice", async () => {
    await installHello();
    const { uploadId = "" } = await rebuild();
    await site.runJobs();
    await site.runJobsAgain();
    const builds = await site.database.database.read.selectFrom("builds").selectAll().where("upload_id", "=", uploadId).execute();
    expect(builds).toMatchObject([{ priority: BUILD_PRIORITIES.background }]);

    await site.build("amd64", { debs: [await rebuilt(1)] });
    await site.runJobsAgain();

    expect(await site.verdict(uploadId)).toBe("installed");
    expect(await binaries()).toEqual([`hello ${VERSION}+b1 amd64`, `hello-data ${VERSION} all`]);
  });

  test("asked for twice are built once; the number of one that failed is not used again", async () => {
    await installHello();
    const { uploadId = "" } = await rebuild();

    await expect(rebuild()).rejects.toMatchObject({ code: "REBUILD_REFUSED", message: expect.stringContaining(uploadId) });
    await site.runJobs();
    await cancelUploadBuilds(site.context.farm, uploadId, "tester");
    await site.runJobs();
    expect(await site.verdict(uploadId)).toBe("failed BUILD_CANCELLED");

    expect((await rebuild()).version).toBe(`${VERSION}+b2`);
  });

  test("that failed are retried as what they were", async () => {
    await installHello();
    const { uploadId = "" } = await rebuild();
    await site.runJobs();
    await site.build("amd64", { status: "package-failed", reason: "the compiler was not mended" });
    expect(await site.verdict(uploadId)).toBe("failed BUILD_FAILED");
    const first = await site.order(uploadId, "amd64");

    await retryUpload(site.context, uploadId, "tester");
    const again = await site.build("amd64", { debs: [await rebuilt(1)] });

    expect(again).toMatchObject({ version: `${VERSION}+b1`, binNmu: first.binNmu, buildsAll: false });
    expect(await site.verdict(uploadId)).toBe("installed");
    const changesPath = join(site.context.farm.buildsPath, uploadId, "source", `hello_${VERSION}+b1_rebuild.changes`);
    expect(parseChanges(await readFile(changesPath))).toMatchObject({ isBinaryOnly: true, sourceVersion: VERSION });
  });

  test("take the build options of the upload that brought the source, but neither its ports nor its check", async () => {
    const line = (option: string): string => `\n   * MINI_BUILDD_OPTION: ${option}`;
    const options = ["deb-build-options=nocheck,terse", "add-depends[amd64]=libx (>= 2)", "lintian-mode=errfail"];
    await installHello({}, options.map(line).join(""));
    const { uploadId = "" } = await rebuild({ reason: "MINI_BUILDD_OPTION: deb-build-options=nonsense" });
    await site.runJobs();

    const order = await site.order(uploadId, "amd64");
    expect(order).toMatchObject({ debBuildOptions: ["nocheck", "terse"], lintianMode: "ignore" });
    expect(order.addDepends).toContain("libx (>= 2)");
  });

  test.each([
    [{ distribution: "bookworm-test-stable" }, "REBUILD_REFUSED", "takes no uploads"],
    [{ distribution: "nonsense" }, "REBUILD_REFUSED", "there is no distribution nonsense"],
    [{ source: "other" }, "SOURCE_NOT_THERE", "Source to rebuild not found: Source 'other' not found"],
    [{ version: "0.9" }, "SOURCE_NOT_THERE", "Source 'hello 0.9' not found in"],
    [{ architectures: ["arm64"] }, "REBUILD_REFUSED", "no binary packages of it for arm64"],
    [{ reason: "a\u001b[31mred" }, "REBUILD_REASON_INVALID", "printable"],
    [{ reason: "x".repeat(501) }, "REBUILD_REASON_INVALID", "500"],
  ])("that cannot be are refused: %j", async (more, code, message) => {
    await installHello();

    await expect(rebuild(more)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });

  test("of a source that has left meanwhile end with that reason, before and after they are built", async () => {
    await installHello();
    const remove = () =>
      site.database.database.transaction((tx) => removeSourceVersion(tx, { distribution: UNSTABLE, source: "hello" }));
    const { uploadId = "" } = await rebuild();
    await site.runJobs();
    await remove();
    await site.build("amd64", { debs: [await rebuilt(1)] });
    expect(await site.verdict(uploadId)).toBe("failed REBUILD_SOURCE_GONE");
  });

  test("whose packages would not fit to those that stay are not installed", async () => {
    await installHello({ hello: { Depends: `hello-data (= ${VERSION})` } });
    const { uploadId = "", method } = await rebuild();
    expect(method).toBe("binnmu");
    await site.runJobs();

    await site.build("amd64", { debs: [await rebuilt(1, { fields: { Depends: `hello-data (= ${VERSION}+b1)` } })] });

    expect(await site.verdict(uploadId)).toBe("failed REBUILD_NOT_SAFE");
    expect(await binaries()).toEqual([`hello ${VERSION} amd64`, `hello-data ${VERSION} all`]);
  });

  test("a package for all architectures, or of another source, does not come in by a rebuild", async () => {
    await installHello();
    const { uploadId = "" } = await rebuild();
    await site.runJobs();
    await site.build("amd64", { debs: [await rebuilt(1, { architecture: "all", name: "hello-data" })] });
    expect(await site.verdict(uploadId)).toBe("failed REBUILD_NOT_SAFE");

    const { uploadId: other = "" } = await rebuild();
    await site.runJobs();
    await site.build("amd64", { debs: [await rebuilt(2, { source: "hello (7)" })] });
    expect(await site.verdict(other)).toBe("failed BINARY_FOREIGN");
  });

  test("a version that is lower than what was rebuilt is refused, and a higher one taken", async () => {
    await installHello();
    await rebuild();
    await site.runJobs();
    await site.build("amd64", { debs: [await rebuilt(1)] });

    const lower = await site.upload(await site.makeSource({ version: `${VERSION}+a`, upstreamText: "hello 1.0\n" }));
    const higher = await site.upload(await site.makeSource({ version: `${VERSION}+c` }));

    expect(await site.verdict(lower)).toBe("rejected VERSION_NOT_HIGHER");
    expect(await site.verdict(higher)).toBe("building");
  });
});

describe("rebuilds as ports", () => {
  const site = PackagerSite.use();

  test.each([
    ["all packages are arch:all", {}, ["all"]],
    ["an arch:all package depends on exactly one version of another", { Depends: `hello (= ${VERSION})` }, ["amd64", "all"]],
  ])("when %s", async (_, fields, architectures) => {
    site.change({ own: { ...site.context.own, openWorkshop: () => Promise.reject(new Error("not in this test")) } });
    await site.upload(await site.makeSource({ architecture: architectures.join(" ") }));
    const debs = [await makeDeb(site.newDirectory(), { name: "hello-data", version: VERSION, source: "hello", fields })];
    if (architectures.includes("amd64"))
      debs.push(await makeDeb(site.newDirectory(), { version: VERSION, architecture: "amd64" }));
    await site.build("amd64", { debs });

    const request = { source: "hello", distribution: UNSTABLE, by: "tester" };
    const made = await requestRebuild(site.context, request);

    expect(made).toMatchObject({ method: "port", sourceVersion: VERSION, distribution: UNSTABLE, uploadId: undefined });
    expect(made.version).toMatch(/^1\.0-1~test12\+1\+rebuilt\d{14}$/);
    expect(made.notes).toHaveLength(1);
    await expect(requestRebuild(site.context, request)).rejects.toMatchObject({ code: "REBUILD_REFUSED" });
  });
});
