import { mkdir, readdir, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test, vi } from "vitest";
import { AppError } from "../../../src/runtime/index.ts";
import { makeDeb, writeMadeFile } from "../../support/packages.ts";
import { PackagerSite, UNSTABLE } from "./packager-site.ts";

const EXPERIMENTAL = "bookworm-test-experimental";

const site = PackagerSite.use();

test("a good upload is accepted, and a build ordered for each architecture that it is for", async () => {
  const uploadId = await site.upload(await site.makeSource({ architecture: "any" }));

  expect(await site.verdict(uploadId)).toBe("building");
  expect(await site.publicEvents(uploadId)).toEqual(["PACKAGING"]);
  expect(await site.order(uploadId, "amd64")).toMatchObject({
    buildsAll: false,
    lintsSource: true,
    dscName: "hello_1.0-1~test12+1.dsc",
  });
  expect(await site.order(uploadId, "arm64")).toMatchObject({ buildsAll: false, lintsSource: false, distribution: UNSTABLE });
});

test("arch:all packages are built by one architecture only", async () => {
  const uploadId = await site.upload(await site.makeSource({ architecture: "all" }));

  expect((await site.order(uploadId, "amd64")).buildsAll).toBe(true);
  await expect(site.order(uploadId, "arm64")).rejects.toThrow("has no build");
});

test("a distribution that is not served is refused, with those that are", async () => {
  const uploadId = await site.upload(await site.makeSource(), { distribution: "bookworm-test-unstabel" });

  expect(await site.verdict(uploadId)).toBe("rejected DISTRIBUTION_NOT_SERVED");
  const [problem] = await site.problems(uploadId);
  expect(problem?.message).toContain("bookworm-test-unstabel");
  expect(problem?.hint).toContain(UNSTABLE);
});

test("a rollback distribution takes no upload, and one that does not exist is said not to", async () => {
  const view = await site.upload(await site.makeSource(), { distribution: "bookworm-test-unstable-rollback8" });
  const none = await site.upload(await site.makeSource({ name: "other" }), { distribution: "bookworm-test-unstable-rollback9" });

  expect(await site.verdict(view)).toBe("rejected DISTRIBUTION_NOT_UPLOADABLE");
  expect((await site.problems(view))[0]?.message).toContain("only shows what bookworm-test-unstable keeps");
  expect(await site.verdict(none)).toBe("rejected DISTRIBUTION_NOT_SERVED");
});

test("a suite that is filled by migration takes no upload", async () => {
  const uploadId = await site.upload(await site.makeSource(), { distribution: "bookworm-test-stable" });

  expect(await site.verdict(uploadId)).toBe("rejected DISTRIBUTION_NOT_UPLOADABLE");
  expect((await site.problems(uploadId))[0]?.hint).toBe(
    "Upload to bookworm-test-hotfix, bookworm-test-unstable, bookworm-test-snapshot, bookworm-test-experimental",
  );
});

test("a version that the suite's rule forbids is refused with one that it allows", async () => {
  const uploadId = await site.upload(await site.makeSource({ version: "1.0-1" }));

  expect(await site.verdict(uploadId)).toBe("rejected VERSION_NOT_FOR_SUITE");
  expect((await site.problems(uploadId))[0]?.hint).toContain("1.0-1~test12+1");
});

test("a check that cannot be done leaves no files behind", async () => {
  const broken = (): never => {
    throw new AppError({ kind: "bug", code: "INTERNAL", message: "the catalog broke" });
  };
  const { uploadId } = await site.deliver(await site.makeSource());
  site.change({ catalog: broken });

  await site.runJobs();

  expect(await site.verdict(uploadId)).toBe("rejected INTERNAL");
  const { buildsPath } = site.context.farm;
  const left = () => readdir(buildsPath, { recursive: true });
  await vi.waitFor(async () => expect(await left()).toEqual([".staging", "hello", join("hello", "1.0-1~test12+1")]));
});

test("a .dsc of a size that none has is refused unread", async () => {
  const source = await site.makeSource();
  const path = join(site.newDirectory(), source.dsc.name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, "");
  // More than readFile takes; nothing on disk. Were it hashed, its checksum would be wrong too.
  const sizeBytes = 3 * 1024 ** 3;
  await truncate(path, sizeBytes);

  const uploadId = await site.upload(source, { files: [{ ...source.dsc, path, sizeBytes }, ...source.files] });

  expect(await site.verdict(uploadId)).toBe("rejected CONTROL_DATA_TOO_LARGE");
  expect((await site.problems(uploadId))[0]?.message).toContain(`hello_1.0-1~test12+1.dsc has ${sizeBytes} bytes`);
});

test("an orig that is nowhere is refused", async () => {
  const source = await site.makeSource();
  const files = [source.dsc, ...source.files.filter(({ name }) => !name.includes(".orig."))];

  const uploadId = await site.upload(source, { files });

  expect(await site.verdict(uploadId)).toBe("rejected SOURCE_FILE_MISSING");
  expect((await site.problems(uploadId))[0]).toMatchObject({
    message: expect.stringContaining("hello_1.0.orig.tar.gz"),
    hint: expect.stringContaining("-sa"),
  });
});

test("a tarball that is not the one of the .dsc is found before the build", async () => {
  const source = await site.makeSource();
  const [orig] = source.files;
  const other = await writeMadeFile(site.newDirectory(), orig?.name ?? "", Buffer.from("something else"));
  const files = [source.dsc, other, ...source.files.slice(1)];

  const uploadId = await site.upload(source, { files });

  expect(await site.verdict(uploadId)).toBe("rejected CHECKSUM_WRONG");
  expect((await site.problems(uploadId))[0]?.message).toMatch(/^hello_1\.0\.orig\.tar\.gz is not the file that the \.dsc lists/);
});

test("an MD5 in the .changes that is wrong is refused although SHA-256 fits", async () => {
  const source = await site.makeSource();

  const uploadId = await site.upload(source, { edit: (text) => text.replaceAll(source.dsc.md5, "0".repeat(32)) });

  expect(await site.verdict(uploadId)).toBe("rejected CHECKSUM_WRONG");
  expect((await site.problems(uploadId))[0]?.message).toContain("MD5");
});

test.each([
  ["another name", { Source: "goodbye" }],
  ["another version", { Version: "9.0-1~test12+1" }],
  // The version that is judged must be the one that is installed.
  ["a version of its own beside the source's", { Source: "hello (1.0-1~test12+1)", Version: "9.0-1~test12+1" }],
  // And the one that is looked up.
  ["another version of the source", { Source: "hello (0.9-1)" }],
])("a .changes that gives %s than its .dsc is refused", async (_, fields) => {
  const uploadId = await site.upload(await site.makeSource(), { fields });

  expect(await site.verdict(uploadId)).toBe("rejected SOURCE_DIFFERS");
});

test("an upload without a source, and one with two, are refused", async () => {
  const source = await site.makeSource();
  const second = await site.makeSource({ name: "goodbye" });
  const deb = await makeDeb(site.newDirectory(), { version: "1.0-1~test12+1" });

  const binaryOnly = await site.upload(source, { files: [deb], fields: { Architecture: "all" } });
  const two = await site.upload(source, { files: [source.dsc, ...source.files, second.dsc, ...second.files] });

  expect(await site.verdict(binaryOnly)).toBe("rejected SOURCE_MISSING");
  expect(await site.verdict(two)).toBe("rejected SOURCE_MISSING");
});

test("binary packages that come along are not used, with a note", async () => {
  const source = await site.makeSource();
  const deb = await makeDeb(site.newDirectory(), { version: "1.0-1~test12+1" });

  const uploadId = await site.upload(source, {
    files: [source.dsc, ...source.files, deb],
    fields: { Architecture: "source all" },
  });

  expect(await site.verdict(uploadId)).toBe("building");
  const packaging = (await site.events(uploadId)).find(({ type }) => type === "PACKAGING");
  expect(packaging?.data["note"]).toContain(deb.name);
  expect((await site.order(uploadId, "amd64")).files.map(({ name }) => name)).not.toContain(deb.name);
});

test("a component that the distribution does not have is refused before the build", async () => {
  const uploadId = await site.upload(await site.makeSource({ section: "non-free/net" }), { section: "non-free/net" });

  expect(await site.verdict(uploadId)).toBe("rejected COMPONENT_UNKNOWN");
  expect((await site.problems(uploadId))[0]?.message).toContain("has only main, contrib");
});

test("a .dsc that cannot be read is refused with the place", async () => {
  const source = await site.makeSource();
  const dsc = await writeMadeFile(site.newDirectory(), source.dsc.name, Buffer.from("Format: 3.0 (git)\nSource: hello\n"));

  const uploadId = await site.upload({ ...source, dsc });

  expect(await site.verdict(uploadId)).toMatch(/^rejected [A-Z_]+$/);
  expect((await site.problems(uploadId))[0]?.message).toContain(source.dsc.name);
});

test("all reasons are told at once, in the row and in the event", async () => {
  const source = await site.makeSource({ version: "1.0-1" });
  const files = [source.dsc, ...source.files.filter(({ name }) => !name.includes(".orig."))];
  const changes = `\n hello (1.0-1) bookworm-signed-unstable; urgency=medium\n .\n   * MINI_BUILDD_OPTION: lintian-mode=perhaps`;

  const uploadId = await site.upload(source, {
    files,
    distribution: "bookworm-signed-unstable",
    fields: { Version: "1.0-2", Changes: changes },
  });

  const codes = ["SIGNATURE_MISSING", "VERSION_NOT_FOR_SUITE", "SOURCE_DIFFERS", "SOURCE_FILE_MISSING", "UPLOAD_OPTION_INVALID"];
  expect(await site.verdict(uploadId)).toBe(["rejected", ...codes].join(" "));
  const rejected = (await site.events(uploadId)).at(-1);
  expect(rejected).toMatchObject({ type: "REJECTED", data: { problems: codes.map((code) => ({ code })) } });
  for (const { message } of await site.problems(uploadId)) expect(rejected?.data["error"]).toContain(message);
});

test("of very many reasons the first are told, and how many more there are", async () => {
  const source = await site.makeSource();
  const extra = await Promise.all(
    Array.from({ length: 60 }, (_, index) => writeMadeFile(site.newDirectory(), `extra${index}`, Buffer.from(String(index)))),
  );

  const uploadId = await site.upload(source, {
    files: [source.dsc, ...source.files, ...extra],
    edit: (text) => text.replaceAll(/ [0-9a-f]{32}(?= \d+ misc)/g, ` ${"0".repeat(32)}`),
  });

  const problems = await site.problems(uploadId);
  // 63 files, and two of them differ from the .dsc as well.
  expect(problems).toHaveLength(51);
  expect(problems.at(-1)?.message).toBe("and 15 more reasons");
});

test("upload options in the changelog reach the build order", async () => {
  const option = (text: string): string => `   * MINI_BUILDD_OPTION: ${text}`;
  const changes = [
    "",
    ` hello (1.0-1~test12+1) ${UNSTABLE}; urgency=medium`,
    " .",
    option("lintian-mode=WARNFAIL"),
    option("lintian-mode[arm64]=disabled"),
    option("autopkgtest-mode=errfail"),
    option("piuparts-mode[arm64]=ignore"),
    option("deb-build-options=nocheck,parallel=1"),
    option("deb-build-profiles=nodoc"),
    option("add-depends=debhelper (>= 13)"),
  ].join("\n");

  const uploadId = await site.upload(await site.makeSource({ architecture: "any" }), { fields: { Changes: changes } });

  expect(await site.order(uploadId, "amd64")).toMatchObject({
    lintianMode: "warnfail",
    autopkgtestMode: "errfail",
    piupartsMode: "disabled",
    debBuildOptions: ["nocheck", "parallel=1"],
    debBuildProfiles: ["nodoc"],
    addDepends: ["dpkg-dev", expect.stringMatching(/^debhelper *\(>= *13\)$/)],
  });
  expect(await site.order(uploadId, "arm64")).toMatchObject({
    lintianMode: "disabled",
    autopkgtestMode: "errfail",
    piupartsMode: "ignore",
  });
});

test.each([
  ["MINI_BUILDD_OPTION: ignore-lintian=true", "ignore"],
  ["MINI_BUILDD_OPTION: run-lintian=false", "disabled"],
  ["MINI_BUILDD: BACKPORT_MODE", "ignore"],
])("the old spelling %s reaches the build order", async (line, lintianMode) => {
  const changes = `\n hello (1.0-1~test12+1) ${UNSTABLE}; urgency=medium\n .\n   * ${line}`;

  const uploadId = await site.upload(await site.makeSource(), { fields: { Changes: changes } });

  expect(await site.order(uploadId, "amd64")).toMatchObject({ lintianMode });
});

test("internal-apt-priority is how our own distributions are pinned, for one architecture or all", async () => {
  await site.install();
  const option = (text: string): string => `   * MINI_BUILDD_OPTION: ${text}`;
  const changes = [
    "",
    ` hello (1.1-1~test12+1) ${UNSTABLE}; urgency=medium`,
    " .",
    option("internal-apt-priority=500"),
    option("internal-apt-priority[arm64]=-1"),
  ].join("\n");
  const source = await site.makeSource({ version: "1.1-1~test12+1", architecture: "any" });

  const uploadId = await site.upload(source, { fields: { Changes: changes } });

  const own = { name: `own-${UNSTABLE}` };
  // What the test's own function makes of a priority.
  expect((await site.order(uploadId, "amd64")).extraSources).toMatchObject([{ ...own, deb822: "500\n" }]);
  expect((await site.order(uploadId, "arm64")).extraSources).toMatchObject([{ ...own, deb822: "-1\n" }]);
});

test("builds have a compiler cache where the codename says so, each repository its own", async () => {
  const without = await site.upload(await site.makeSource());
  const codename =
    '[archive-sources.debian]\nfrom = "host"\n[codenames.bookworm]\nbase = "debian"\narchitectures = ["amd64"]\nccache = true\n';
  const catalog = site.makeCatalog(`${codename}[repositories.test]\ncodenames = ["bookworm"]\nuploads = "unsigned"\n`);
  site.change({ catalog: () => catalog });
  const cached = await site.upload(await site.makeSource({ version: "1.1-1~test12+1" }));

  expect(await site.order(without, "amd64")).not.toHaveProperty("compilerCache");
  expect((await site.order(cached, "amd64")).compilerCache).toEqual({ repository: "test" });
});

test("without options the distribution's settings count", async () => {
  const uploadId = await site.upload(await site.makeSource());

  expect(await site.order(uploadId, "amd64")).toMatchObject({
    lintianMode: "errfail",
    autopkgtestMode: "disabled",
    piupartsMode: "disabled",
    previousBinaries: [],
    debBuildOptions: ["noudeb"],
    debBuildProfiles: [],
    addDepends: ["dpkg-dev"],
  });
});

test.each([
  ["no option", "Nothing.", "ignore"],
  ["warnfail", "MINI_BUILDD_OPTION: lintian-mode=warnfail", "ignore"],
  ["disabled", "MINI_BUILDD_OPTION: lintian-mode=disabled", "disabled"],
])("an experimental suite never fails for a check: with %s", async (_, line, expected) => {
  const version = "1.0-1~test12+0";
  const changes = `\n hello (${version}) ${EXPERIMENTAL}; urgency=medium\n .\n   * ${line}\n   * MINI_BUILDD_OPTION: piuparts-mode=errfail`;

  const uploadId = await site.upload(await site.makeSource({ version }), {
    distribution: EXPERIMENTAL,
    fields: { Changes: changes },
  });

  expect(await site.order(uploadId, "amd64")).toMatchObject({ lintianMode: expected, piupartsMode: "ignore" });
});

test("what came in damaged is not what was listed: nothing is built of it", async () => {
  const source = await site.makeSource();
  const { uploadId } = await site.deliver(source);
  // The same file: what incoming staged is a hard link.
  const path = source.files[1]?.path ?? "";
  await writeFile(path, "bits have flipped");

  await site.runJobs();

  expect(await site.verdict(uploadId)).toBe("rejected CHECKSUM_WRONG");
});
