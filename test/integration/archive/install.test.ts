import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  countPackages,
  type DistributionSettings,
  findIdentity,
  findNewestSource,
  findPoolFiles,
  listBinaries,
  listSourceFiles,
  listSourceVersions,
  removeSourceVersion,
} from "../../../src/archive/index.ts";
import { distributionSettings, makeTestArchive, type TestArchive } from "../../support/archive.ts";
import { engines, useDatabase } from "../../support/database.ts";
import { makeDeb, makeSource, writeMadeFile } from "../../support/packages.ts";

const UNSTABLE = "bookworm-test-unstable";
const TESTING = "bookworm-test-testing";

describe.each(engines)("installing on %s", (engine) => {
  const db = useDatabase(engine);
  let scratchPath: string;
  let site: TestArchive;

  beforeEach(async () => {
    scratchPath = await mkdtemp(join(tmpdir(), "mbd-install-"));
    site = await makeTestArchive({ database: db, clock: db.clock, isStarted: false });
    await site.ensure(distributionSettings(UNSTABLE), distributionSettings(TESTING));
  });

  afterEach(async () => {
    await site.dispose();
    await rm(scratchPath, { recursive: true, force: true });
  });

  /** Source and one arch:all package of a version. */
  async function installVersion(version: string, distribution = UNSTABLE, name = "hello") {
    const source = await makeSource(join(scratchPath, version), { name, version });
    const deb = await makeDeb(join(scratchPath, version), { name, version });
    return site.install(distribution, { source, debs: [deb] });
  }

  async function versions(distribution = UNSTABLE): Promise<string[]> {
    return (await listSourceVersions(db.database.read, "hello", [distribution])).map(({ version }) => version);
  }

  async function binaryVersions(): Promise<string[]> {
    const rows = await Promise.all(
      (await versions()).map((version) => listBinaries(db.database.read, UNSTABLE, { name: "hello", version })),
    );
    return rows.flat().map(({ version }) => version);
  }

  test("an installed package is found by version, file and identity", async () => {
    const { isChanged, change } = await installVersion("1.0-1");

    expect({ isChanged, change }).toEqual({ isChanged: true, change: 2 });
    const newest = await findNewestSource(db.database.read, "hello", UNSTABLE);
    expect(newest).toMatchObject({ version: "1.0-1", component: "main", dscPath: "pool/main/h/hello/hello_1.0-1.dsc" });
    const files = await listSourceFiles(db.database.read, "test", { name: "hello", version: "1.0-1" });
    expect(files.map(({ name }) => name)).toEqual(["hello_1.0-1.debian.tar.gz", "hello_1.0-1.dsc", "hello_1.0.orig.tar.gz"]);
    const [orig] = await findPoolFiles(db.database.read, "test", "hello_1.0.orig.tar.gz");
    expect(orig).toMatchObject({ path: "pool/main/h/hello/hello_1.0.orig.tar.gz", sha256: files[2]?.sha256 });
    const identity = { kind: "source", name: "hello", version: "1.0-1", architecture: "" } as const;
    expect(await findIdentity(db.database.read, "test", identity)).toBe(newest?.dscSha256);
    expect(await countPackages(db.database.read, UNSTABLE)).toEqual({ sources: 1, binaries: 1 });
  });

  test("the same packages again change nothing and publish nothing", async () => {
    await installVersion("1.0-1");
    const before = await db.database.read.selectFrom("publications").selectAll().execute();

    const { isChanged } = await installVersion("1.0-1");

    expect(isChanged).toBe(false);
    expect(await db.database.read.selectFrom("publications").selectAll().execute()).toEqual(before);
    expect(await countPackages(db.database.read, UNSTABLE)).toEqual({ sources: 1, binaries: 1 });
  });

  test("the same version with other content is refused with both hashes, also after removal and elsewhere", async () => {
    await installVersion("1.0-1");
    await db.database.transaction((tx) => removeSourceVersion(tx, { distribution: UNSTABLE, source: "hello", version: "1.0-1" }));
    const first = await makeDeb(join(scratchPath, "1.0-1"), { name: "hello", version: "1.0-1" });
    const other = await makeDeb(join(scratchPath, "other"), { name: "hello", version: "1.0-1", files: { "usr/evil": "x" } });

    for (const distribution of [UNSTABLE, TESTING]) {
      await expect(site.install(distribution, { debs: [other] })).rejects.toMatchObject({
        kind: "conflict",
        code: "IDENTITY_CONFLICT",
        message: expect.stringMatching(new RegExp(`${first.sha256}.*${other.sha256}`)),
      });
    }
  });

  test("a refused install leaves nothing behind", async () => {
    await installVersion("1.0-1");
    const source = await makeSource(join(scratchPath, "new"), { version: "1.0-2" });
    const bad = await makeDeb(join(scratchPath, "new"), { name: "hello", version: "1.0-1", files: { "usr/evil": "x" } });

    await expect(site.install(UNSTABLE, { source, debs: [bad] })).rejects.toMatchObject({ code: "IDENTITY_CONFLICT" });

    expect(await versions()).toEqual(["1.0-1"]);
    expect(await findPoolFiles(db.database.read, "test", "hello_1.0-2.dsc")).toEqual([]);
  });

  test("two revisions share one orig; another orig of that name is refused", async () => {
    await installVersion("1.0-1");
    await installVersion("1.0-2");

    expect(await findPoolFiles(db.database.read, "test", "hello_1.0.orig.tar.gz")).toHaveLength(1);
    const source = await makeSource(join(scratchPath, "x"), { version: "1.0-3", upstreamText: "other\n" });
    await expect(site.install(UNSTABLE, { source })).rejects.toMatchObject({
      code: "IDENTITY_CONFLICT",
      hint: expect.stringContaining("pool"),
    });
  });

  test("a suite keeps its newest versions with their binary packages, in the order of Debian versions", async () => {
    await site.ensure(distributionSettings(UNSTABLE, { keep: 1 }));
    for (const version of ["1.9-1", "1.10-1", "1.10~rc1-1"]) await installVersion(version);

    expect(await versions()).toEqual(["1.10-1", "1.10~rc1-1"]);
    expect(await binaryVersions()).toEqual(["1.10-1", "1.10~rc1-1"]);
    await installVersion("2.0-1");
    expect(await versions()).toEqual(["2.0-1", "1.10-1"]);
    expect(await binaryVersions()).toEqual(["2.0-1", "1.10-1"]);
  });

  test("suites of one repository share packages", async () => {
    await installVersion("1.0-1");
    await installVersion("1.0-1", TESTING);
    await installVersion("1.0-2");

    expect(await versions(TESTING)).toEqual(["1.0-1"]);
    expect(await versions(UNSTABLE)).toEqual(["1.0-2", "1.0-1"]);
    expect((await listSourceVersions(db.database.read, "hello")).map(({ distribution }) => distribution)).toEqual([
      UNSTABLE,
      TESTING,
      UNSTABLE,
    ]);
  });

  test("removing a version lets the kept one be the newest", async () => {
    await installVersion("1.0-1");
    await installVersion("1.0-2");

    await db.database.transaction((tx) => removeSourceVersion(tx, { distribution: UNSTABLE, source: "hello", version: "1.0-2" }));

    expect(await versions()).toEqual(["1.0-1"]);
    expect(await binaryVersions()).toEqual(["1.0-1"]);
    const again = db.database.transaction((tx) =>
      removeSourceVersion(tx, { distribution: UNSTABLE, source: "hello", version: "1.0-2" }),
    );
    await expect(again).rejects.toMatchObject({ code: "PACKAGE_NOT_THERE" });
  });

  test("a binNMU belongs to its source version", async () => {
    const deb = await makeDeb(scratchPath, {
      name: "hello",
      version: "1.0-1+b1",
      source: "hello (1.0-1)",
      architecture: "amd64",
    });
    await installVersion("1.0-1");
    await site.install(UNSTABLE, { debs: [deb] });

    expect(await listBinaries(db.database.read, UNSTABLE, { name: "hello", version: "1.0-1" })).toHaveLength(2);
  });

  test("components and architectures that the distribution does not have are refused", async () => {
    const nonFree = await makeDeb(scratchPath, { name: "aa", section: "non-free/misc" });
    const arm = await makeDeb(scratchPath, { name: "bb", architecture: "arm64" });

    await expect(site.install(UNSTABLE, { debs: [nonFree] })).rejects.toMatchObject({ code: "COMPONENT_UNKNOWN" });
    await expect(site.install(UNSTABLE, { debs: [arm] })).rejects.toMatchObject({ code: "ARCHITECTURE_UNKNOWN" });
    await expect(site.install("bookworm-test-nowhere", { debs: [nonFree] })).rejects.toMatchObject({
      code: "DISTRIBUTION_UNKNOWN",
    });
  });

  test("a source whose files were not all given is refused", async () => {
    const source = await makeSource(scratchPath);

    await expect(site.install(UNSTABLE, { source: { ...source, files: source.files.slice(1) } })).rejects.toMatchObject({
      code: "SOURCE_FILES_INCOMPLETE",
      message: expect.stringContaining("hello_1.0.orig.tar.gz"),
    });
  });

  test("buildinfo files are kept, also two of the same name", async () => {
    const files = [
      await writeMadeFile(join(scratchPath, "a"), "hello_1.0-1_amd64.buildinfo", Buffer.from("Format: 1.0\n")),
      await writeMadeFile(join(scratchPath, "b"), "hello_1.0-1_amd64.buildinfo", Buffer.from("Format: 1.1\n")),
    ];
    for (const file of files) {
      await site.install(UNSTABLE, { buildinfos: [{ file, source: "hello", sourceVersion: "1.0-1" }] });
    }

    const rows = await db.database.read.selectFrom("buildinfos").selectAll().execute();
    expect(rows.map(({ sha256 }) => sha256).sort()).toEqual(files.map(({ sha256 }) => sha256).sort());
  });

  test("one pending publication per distribution, however many changes; the same settings again are no change", async () => {
    const settings: DistributionSettings = distributionSettings(UNSTABLE);
    await installVersion("1.0-1");
    await installVersion("1.0-2");
    await site.ensure(settings);

    const pending = await db.database.read
      .selectFrom("publications")
      .select(["generation", "state"])
      .where("distribution", "=", UNSTABLE)
      .execute();
    expect(pending).toEqual([{ generation: 1, state: "pending" }]);
    const { change } = await db.database.read
      .selectFrom("distributions")
      .select("change")
      .where("name", "=", UNSTABLE)
      .executeTakeFirstOrThrow();
    expect(change).toBe(3);
  });

  test("what was published of a change is rendered from rows on either engine", async () => {
    await installVersion("1.0-1");
    await site.archive.start();
    await site.archive.untilPublished();

    const release = await readFile(join(site.homePath, `repositories/test/dists/${UNSTABLE}/Release`), "utf8");
    expect(release).toContain(`Suite: ${UNSTABLE}\n`);
  });
});
