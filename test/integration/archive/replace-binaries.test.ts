import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  highestBinNmu,
  importBinary,
  listBinaries,
  listSourceVersions,
  type MigrateRequest,
  removeSourceVersion,
  replaceBinaries,
  restoreSourceVersion,
  undoLastChange,
} from "../../../src/archive/index.ts";
import { distributionSettings, makeTestArchive, type TestArchive } from "../../support/archive.ts";
import { engines, useDatabase } from "../../support/database.ts";
import { makeMovement } from "../../support/movement.ts";
import { type DebOptions, makeDeb, makeSource } from "../../support/packages.ts";

const UNSTABLE = "bookworm-test-unstable";
const TESTING = "bookworm-test-testing";

/** hello has packages for amd64, arm64 and all; what is built again takes the place of what was there. */
describe.each(engines)("binNMUs on %s", (engine) => {
  const db = useDatabase(engine);
  let scratchPath: string;
  let site: TestArchive;

  beforeEach(async () => {
    scratchPath = await mkdtemp(join(tmpdir(), "mbd-binnmu-"));
    site = await makeTestArchive({ database: db, clock: db.clock, isStarted: false });
    const architectures = ["amd64", "arm64"];
    await site.ensure(
      distributionSettings(UNSTABLE, { migratesTo: TESTING, keep: 1, rollbackViews: 1, architectures }),
      distributionSettings(TESTING, { keep: 1, architectures }),
    );
    await installHello("1.0-1");
  });

  afterEach(async () => {
    await site.dispose();
    await rm(scratchPath, { recursive: true, force: true });
  });

  async function installHello(version: string): Promise<void> {
    const path = join(scratchPath, version);
    const source = await makeSource(path, { name: "hello", version, architecture: "any all" });
    const of = { source: `hello (${version})`, version };
    const debs: DebOptions[] = [
      { ...of, name: "hello", architecture: "amd64" },
      { ...of, name: "hello", architecture: "arm64" },
      { ...of, name: "hello-data" },
    ];
    const made = [];
    for (const deb of debs) made.push(await makeDeb(path, deb));
    await site.install(UNSTABLE, { source, debs: made });
  }

  async function rebuild(number: number, { of = "1.0-1", architecture = "amd64", distribution = UNSTABLE } = {}) {
    const path = join(scratchPath, `b${number}`);
    const version = `${of}+b${number}`;
    const deb = await makeDeb(path, { name: "hello", version, source: `hello (${of})`, architecture });
    const binary = await importBinary(site.archive.contentStore, deb.path, deb);
    const request = { distribution, source: "hello", sourceVersion: of, binaries: [binary], buildinfos: [] };
    return db.database.transaction((tx) => replaceBinaries(tx, request));
  }

  async function binaries(distribution = UNSTABLE, version = "1.0-1"): Promise<string[]> {
    const rows = await listBinaries(db.database.read, distribution, { name: "hello", version });
    return rows.map((row) => [row.name, row.version, row.architecture].join(" "));
  }

  async function migrate(options: Partial<MigrateRequest> = {}) {
    const basePath = join(scratchPath, "base");
    await writeFile(basePath, "Package: libc6\nVersion: 2.36\nArchitecture: amd64\nDescription: x\n y\n\n");
    const cachePath = join(site.homePath, "cache");
    const movement = makeMovement({
      database: db.database,
      location: db.location,
      cachePath,
      listPackagesFiles: async () => [basePath],
    });
    return movement.migrate({ source: "hello", distribution: UNSTABLE, ...options });
  }

  test("take the place of the packages of their architecture, in one change; source and others stay", async () => {
    const result = await rebuild(1);

    expect(result).toEqual({ isChanged: true, change: 3 });
    expect(await binaries()).toEqual(["hello 1.0-1+b1 amd64", "hello 1.0-1 arm64", "hello-data 1.0-1 all"]);
    const sources = await listSourceVersions(db.database.read, "hello", [UNSTABLE]);
    expect(sources.map(({ version }) => version)).toEqual(["1.0-1"]);
    expect(await rebuild(1)).toEqual({ isChanged: false, change: 3 });
    await rebuild(2);
    expect(await binaries()).toEqual(["hello 1.0-1+b2 amd64", "hello 1.0-1 arm64", "hello-data 1.0-1 all"]);
  });

  test("have numbers that are never used again, also when they are long gone", async () => {
    const highest = () => highestBinNmu(db.database.read, "test", { source: "hello", version: "1.0-1" });
    expect(await highest()).toBe(0);
    await rebuild(9);
    await rebuild(10);
    await db.database.transaction((tx) => undoLastChange(tx, { distribution: UNSTABLE }));

    expect(await highest()).toBe(10);
  });

  test("a lower one does not take the place of a higher one; a version that is not there cannot be rebuilt", async () => {
    await rebuild(2);

    await expect(rebuild(1)).rejects.toMatchObject({ code: "REBUILD_NOT_HIGHER" });
    await expect(rebuild(3, { of: "7.0-1" })).rejects.toMatchObject({ code: "PACKAGE_NOT_THERE" });
    await expect(rebuild(3, { distribution: `${UNSTABLE}-rollback0` })).rejects.toMatchObject({ code: "DISTRIBUTION_READ_ONLY" });
  });

  test("are undone alone, leave with their source, and come back with it", async () => {
    await rebuild(1);
    await db.database.transaction((tx) => undoLastChange(tx, { distribution: UNSTABLE }));
    expect(await binaries()).toEqual(["hello 1.0-1 amd64", "hello 1.0-1 arm64", "hello-data 1.0-1 all"]);
    await rebuild(2);

    await db.database.transaction((tx) => removeSourceVersion(tx, { distribution: UNSTABLE, source: "hello" }));
    expect(await binaries()).toEqual([]);
    await installHello("1.0-2");
    await db.database.transaction((tx) =>
      restoreSourceVersion(tx, { distribution: UNSTABLE, source: "hello", version: "1.0-1" }),
    );
    expect(await binaries()).toEqual(["hello 1.0-1+b2 amd64", "hello 1.0-1 arm64", "hello-data 1.0-1 all"]);
  });

  test("stay with a kept version, and rollback distributions show them", async () => {
    await installHello("1.0-2");
    await rebuild(1);

    const expected = ["hello 1.0-1+b1 amd64", "hello 1.0-1 arm64", "hello-data 1.0-1 all"];
    expect(await binaries()).toEqual(expected);
    expect(await binaries(`${UNSTABLE}-rollback0`)).toEqual(expected);
    await installHello("1.0-3");
    expect(await binaries()).toEqual([]);
  });

  test("what they replaced is forgotten in its time, and a number that was undone is not", async () => {
    const architectures = ["amd64", "arm64"];
    await site.ensure(distributionSettings(UNSTABLE, { keep: 1, rollbackViews: 1, architectures, historyDays: 1 }));
    await site.archive.start();
    for (const number of [1, 2, 7]) await rebuild(number);
    await db.database.transaction((tx) => undoLastChange(tx, { distribution: UNSTABLE }));
    await site.archive.untilPublished();
    db.clock.advance(30 * 24 * 60 * 60 * 1000);
    await rebuild(3, { architecture: "arm64" });
    await site.archive.untilPublished();
    db.clock.advance(30 * 24 * 60 * 60 * 1000);

    const report = await site.archive.retention.apply();

    expect(report).toMatchObject({ sourcePackages: 0, binaryPackages: 3 });
    const versions = await db.database.read.selectFrom("binary_packages").select("version").where("name", "=", "hello").execute();
    expect(versions.map(({ version }) => version).sort()).toEqual(["1.0-1", "1.0-1+b2", "1.0-1+b3"]);
    expect(await binaries()).toEqual(["hello 1.0-1+b2 amd64", "hello 1.0-1+b3 arm64", "hello-data 1.0-1 all"]);
    expect(await highestBinNmu(db.database.read, "test", { source: "hello", version: "1.0-1" })).toBe(7);
  });

  test("migrate with their source; alone, they take the place of what migrated before", async () => {
    await rebuild(1);
    await migrate();
    expect(await binaries(TESTING)).toEqual(["hello 1.0-1+b1 amd64", "hello 1.0-1 arm64", "hello-data 1.0-1 all"]);
    await rebuild(2);

    await migrate();

    expect(await binaries(TESTING)).toEqual(["hello 1.0-1+b2 amd64", "hello 1.0-1 arm64", "hello-data 1.0-1 all"]);
    await expect(migrate()).rejects.toMatchObject({ message: expect.stringContaining("already") });
  });

  test("a higher one in the target is not replaced by a lower one, unless that is forced", async () => {
    await rebuild(1);
    await migrate();
    await rebuild(3, { distribution: TESTING });
    await rebuild(2);

    await expect(migrate()).rejects.toMatchObject({ message: expect.stringContaining("hello 1.0-1+b3 (amd64)") });
    const { overridden } = await migrate({ force: true });

    expect(overridden).toMatchObject([{ code: "MIGRATION_TARGET_NEWER", distribution: TESTING }]);
    expect(await binaries(TESTING)).toEqual(["hello 1.0-1+b2 amd64", "hello 1.0-1 arm64", "hello-data 1.0-1 all"]);
  });
});
