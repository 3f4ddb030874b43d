import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  listBinaries,
  listSourceVersions,
  type MigrateRequest,
  removeSourceVersion,
  restoreSourceVersion,
  undoLastChange,
} from "../../../src/archive/index.ts";
import { listEvents } from "../../../src/events/index.ts";
import { distributionSettings, makeTestArchive, type TestArchive } from "../../support/archive.ts";
import { engines, useDatabase } from "../../support/database.ts";
import { makeMovement } from "../../support/movement.ts";
import { type DebOptions, makeDeb, makeSource } from "../../support/packages.ts";

const UNSTABLE = "bookworm-test-unstable";
const TESTING = "bookworm-test-testing";
const STABLE = "bookworm-test-stable";

describe.each(engines)("movement on %s", (engine) => {
  const db = useDatabase(engine);
  let scratchPath: string;
  let basePath: string;
  let site: TestArchive;

  beforeEach(async () => {
    scratchPath = await mkdtemp(join(tmpdir(), "mbd-movement-"));
    basePath = join(scratchPath, "base");
    await writeFile(basePath, "Package: libc6\nVersion: 2.36\nArchitecture: amd64\nDescription: x\n y\n\n");
    site = await makeTestArchive({ database: db, clock: db.clock, isStarted: false });
    await site.ensure(
      distributionSettings(UNSTABLE, { migratesTo: TESTING, keep: 2, rollbackViews: 2 }),
      distributionSettings(TESTING, { migratesTo: STABLE, keep: 1, rollbackViews: 1 }),
      distributionSettings(STABLE, { keep: 0 }),
    );
  });

  afterEach(async () => {
    await site.dispose();
    await rm(scratchPath, { recursive: true, force: true });
  });

  /** A source and binary packages of it; default one arch:all package of the same name. */
  async function install(name: string, version: string, debs: readonly DebOptions[] = [{}], distribution = UNSTABLE) {
    const path = join(scratchPath, name, version);
    const architecture = [...new Set(debs.map((deb) => deb.architecture ?? "all"))].join(" ");
    const source = await makeSource(path, { name, version, architecture });
    const made = [];
    for (const deb of debs) {
      const of = deb.name === undefined && deb.version === undefined ? {} : { source: `${name} (${version})` };
      made.push(await makeDeb(path, { name, version, ...of, ...deb }));
    }
    return site.install(distribution, { source, debs: made });
  }

  function acts() {
    return makeMovement({
      database: db.database,
      location: db.location,
      cachePath: join(site.homePath, "cache"),
      listPackagesFiles: async () => [basePath],
    });
  }

  const move = (source: string, options: Partial<MigrateRequest> = {}) =>
    acts().migrate({ source, distribution: UNSTABLE, by: "tester", ...options });

  async function versions(source: string, distribution: string): Promise<string[]> {
    return (await listSourceVersions(db.database.read, source, [distribution])).map(({ version }) => version);
  }

  async function binaries(source: string, version: string, distribution: string): Promise<string[]> {
    const rows = await listBinaries(db.database.read, distribution, { name: source, version });
    return rows.map(({ name, architecture }) => `${name}:${architecture}`);
  }

  async function publicEvents() {
    const events = await listEvents(db.database.read, { types: ["MIGRATED", "REMOVED"] });
    return events.map(({ type, distribution, source, version }) => [type, distribution, source, version].join(" "));
  }

  test("a source migrates with all its binary packages, with one event and a publication", async () => {
    await install("hello", "1.0-1", [{}, { name: "hello-bin", architecture: "amd64" }]);

    const result = await move("hello");

    expect(result).toMatchObject({ version: "1.0-1", migrated: [{ from: UNSTABLE, to: TESTING, change: 2 }], overridden: [] });
    expect(await versions("hello", TESTING)).toEqual(["1.0-1"]);
    expect(await binaries("hello", "1.0-1", TESTING)).toEqual(["hello:all", "hello-bin:amd64"]);
    expect(await versions("hello", UNSTABLE)).toEqual(["1.0-1"]);
    const [event] = await listEvents(db.database.read, { types: ["MIGRATED"] });
    expect(event).toMatchObject({ distribution: TESTING, source: "hello", version: "1.0-1", architecture: "source" });
    expect(event?.data).toMatchObject({
      timecode: "20261122:130513:909000",
      key: "hello/1.0-1/20261122:130513:909000",
      bkey: "hello/1.0-1/20261122:130513:909000/source",
      changes: null,
      architecture: "source",
      act: "migrate",
      by: "tester",
      from: UNSTABLE,
    });
  });

  test("a named version migrates, and a full migration goes up to the last suite", async () => {
    await install("hello", "1.0-1");
    await install("hello", "1.0-2");

    await move("hello", { version: "1.0-1", full: true });

    expect(await versions("hello", TESTING)).toEqual(["1.0-1"]);
    expect(await versions("hello", STABLE)).toEqual(["1.0-1"]);
    expect(await publicEvents()).toEqual([`MIGRATED ${STABLE} hello 1.0-1`, `MIGRATED ${TESTING} hello 1.0-1`]);
  });

  test("every reason against a migration is said at once, and force records what it overrode", async () => {
    await install("hello", "1.0-1", [{ architecture: "amd64", name: "hello" }]);
    await install("hello", "1.0-3", [{}], TESTING);
    const path = join(scratchPath, "lacking");
    const source = await makeSource(path, { name: "hello", version: "1.0-2", architecture: "any all" });
    const deb = await makeDeb(path, {
      name: "hello",
      version: "1.0-2",
      architecture: "amd64",
      fields: { Depends: "nowhere (>= 2)" },
    });
    await site.install(UNSTABLE, { source, debs: [deb] });

    const refused = move("hello");

    await expect(refused).rejects.toMatchObject({ kind: "conflict", code: "MIGRATION_REFUSED" });
    const message = await refused.catch((error: Error) => error.message);
    expect(message).toContain(`${UNSTABLE} has no binary packages of hello 1.0-2 for all`);
    expect(message).toContain(`${TESTING} has the newer hello 1.0-3`);
    expect(message).toContain("hello 1.0-2 needs nowhere (>= 2), which nothing there satisfies");
    expect(await versions("hello", TESTING)).toEqual(["1.0-3"]);

    const { overridden } = await move("hello", { force: true });

    expect(await versions("hello", TESTING)).toEqual(["1.0-2"]);
    const codes = ["MIGRATION_ARCHITECTURE_MISSING", "MIGRATION_TARGET_NEWER", "MIGRATION_BREAKS"];
    expect(overridden.map(({ code }) => code)).toEqual(codes);
    const [event] = await listEvents(db.database.read, { types: ["MIGRATED"] });
    expect(event?.data).toMatchObject({ overridden: codes.map((code) => ({ code })), left: ["1.0-3"] });
  });

  test("what only lacks an optional architecture migrates", async () => {
    await site.ensure(
      distributionSettings(TESTING, { migratesTo: STABLE, architectures: ["amd64", "arm64"], optionalArchitectures: ["arm64"] }),
    );
    await install("hello", "1.0-1", [{ architecture: "amd64", name: "hello" }]);

    await expect(move("hello")).resolves.toMatchObject({ version: "1.0-1" });
  });

  test("a package that would lose its dependency refuses, with the chain and what waits below", async () => {
    await install("foo", "1.0-1", [{ name: "libfoo1" }], TESTING);
    await install("app", "1.0-1", [{ fields: { Depends: "libfoo1 (<< 2), libc6" } }], TESTING);
    await install("top", "1.0-1", [{ fields: { Depends: "app" } }], TESTING);
    await site.ensure(distributionSettings(TESTING, { migratesTo: STABLE, keep: 0 }));
    await install("foo", "2.0-1", [{ name: "libfoo1" }]);
    await install("app", "1.1-1", [{ fields: { Depends: "libfoo1 (>= 2)" } }]);

    const { hops, problems } = await acts().preview({ source: "foo", distribution: UNSTABLE });

    const breaks = hops[0]?.installability.breaks.map(({ name, source, isComing, waitingVersion }) => ({
      name,
      source,
      isComing,
      waitingVersion,
    }));
    expect(breaks?.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
      { name: "app", source: "app", isComing: false, waitingVersion: "1.1-1" },
      { name: "top", source: "top", isComing: false, waitingVersion: undefined },
    ]);
    const text = problems.map(({ message }) => message).join("\n");
    expect(text).toContain("app 1.0-1 needs libfoo1 (<< 2), which nothing there satisfies");
    expect(text).toContain("top 1.0-1 → app 1.0-1");
    await expect(move("foo")).rejects.toMatchObject({ code: "MIGRATION_REFUSED" });
    expect(await versions("foo", TESTING)).toEqual(["1.0-1"]);
  });

  test("what was broken before does not refuse, nor does a kept older version", async () => {
    await install("lost", "1.0-1", [{ fields: { Depends: "gone" } }], TESTING);
    const old = { name: "libfoo1", fields: { Depends: "foo-data (= 1.0-1)" } };
    await install("foo", "1.0-1", [old, { name: "foo-data", version: "1.0-1" }], TESTING);
    await install("foo", "2.0-1", [
      { name: "libfoo2", fields: { Depends: "libc6 (>= 2.30)" } },
      { name: "foo-data", version: "2.0-1" },
    ]);

    const { problems } = await acts().preview({ source: "foo", distribution: UNSTABLE });

    expect(problems).toEqual([]);
  });

  test("a field that cannot be read breaks its own package and no other", async () => {
    await install("odd", "1.0-1", [{ fields: { Depends: "a b c (((" } }]);
    await install("hello", "1.0-1");

    await expect(move("odd")).rejects.toMatchObject({
      message: expect.stringContaining("odd 1.0-1 (all) could not be installed"),
    });
    await expect(move("hello")).resolves.toMatchObject({ version: "1.0-1" });
  });

  test("without the base archive nothing migrates unless it is forced", async () => {
    await install("hello", "1.0-1");
    await rm(basePath);

    await expect(move("hello")).rejects.toMatchObject({ message: expect.stringContaining("is not known") });
    const { overridden } = await move("hello", { force: true });
    expect(overridden).toMatchObject([{ code: "MIGRATION_UNCHECKED" }]);
  });

  test("what is not there, goes nowhere or is only a view does not migrate, forced or not", async () => {
    await install("hello", "1.0-1");
    await install("hello", "1.0-1", [{}], STABLE);
    const refused = [
      ["gone", UNSTABLE, undefined, "PACKAGE_NOT_THERE"],
      ["hello", UNSTABLE, "9", "PACKAGE_NOT_THERE"],
      ["hello", "bookworm-test-nowhere", undefined, "DISTRIBUTION_UNKNOWN"],
      ["hello", STABLE, undefined, "MIGRATION_REFUSED"],
      ["hello", `${UNSTABLE}-rollback0`, undefined, "DISTRIBUTION_READ_ONLY"],
    ] as const;

    for (const [source, distribution, version, code] of refused)
      await expect(move(source, { distribution, version, force: true })).rejects.toMatchObject({ code });
  });

  test("a second migration of the same is refused; new binary packages of the same version migrate", async () => {
    await install("hello", "1.0-1");
    await move("hello");

    await expect(move("hello", { force: true })).rejects.toMatchObject({ message: expect.stringContaining("already") });
    await site.install(UNSTABLE, {
      debs: [
        await makeDeb(scratchPath, { name: "hello-nmu", version: "1.0-1+b1", source: "hello (1.0-1)", architecture: "amd64" }),
      ],
    });
    await move("hello");
    expect(await binaries("hello", "1.0-1", TESTING)).toEqual(["hello:all", "hello-nmu:amd64"]);
  });

  test("two migrations at once both happen, one after the other", async () => {
    await install("hello", "1.0-1");
    await install("other", "1.0-1");
    const movement = acts();
    const both = ["hello", "other"].map((source) => movement.migrate({ source, distribution: UNSTABLE }));

    const changes = (await Promise.all(both)).flatMap(({ migrated }) => migrated.map(({ change }) => change));

    expect(changes.toSorted((a, b) => a - b)).toEqual([2, 3]);
    expect([await versions("hello", TESTING), await versions("other", TESTING)]).toEqual([["1.0-1"], ["1.0-1"]]);
  });

  test("removing lets the kept version be the newest; without rollback it goes along", async () => {
    for (const version of ["1.0-1", "1.0-2", "1.0-3"]) await install("hello", version);
    const remove = (withoutRollback: boolean) =>
      db.database.transaction((tx) =>
        removeSourceVersion(tx, { distribution: UNSTABLE, source: "hello", withoutRollback, by: "tester" }),
      );

    expect(await remove(false)).toMatchObject({ versions: ["1.0-3"] });
    expect(await versions("hello", UNSTABLE)).toEqual(["1.0-2", "1.0-1"]);
    expect(await remove(true)).toMatchObject({ versions: ["1.0-2", "1.0-1"] });
    expect(await versions("hello", UNSTABLE)).toEqual([]);
    expect(await publicEvents()).toEqual([`REMOVED ${UNSTABLE} hello 1.0-2`, `REMOVED ${UNSTABLE} hello 1.0-3`]);
  });

  test("a kept version is restored: newer ones leave; one that left comes back with its binary packages", async () => {
    for (const version of ["1.0-1", "1.0-2", "1.0-3"]) await install("hello", version);
    const restore = (version: string) =>
      db.database.transaction((tx) => restoreSourceVersion(tx, { distribution: UNSTABLE, source: "hello", version }));

    expect(await restore("1.0-1")).toMatchObject({ left: ["1.0-3", "1.0-2"] });
    expect(await versions("hello", UNSTABLE)).toEqual(["1.0-1"]);
    await restore("1.0-3");
    expect(await versions("hello", UNSTABLE)).toEqual(["1.0-3", "1.0-1"]);
    expect(await binaries("hello", "1.0-3", UNSTABLE)).toEqual(["hello:all"]);
    await expect(restore("1.0-3")).rejects.toMatchObject({ code: "VERSION_IS_NEWEST" });
    await expect(restore("7")).rejects.toMatchObject({ code: "PACKAGE_NOT_THERE" });
    expect((await publicEvents())[1]).toBe(`MIGRATED ${UNSTABLE} hello 1.0-1`);
  });

  test("the last change of a distribution is undone, whatever it was, and undoing twice brings it back", async () => {
    for (const version of ["1.0-1", "1.0-2", "1.0-3", "1.0-4"]) await install("hello", version);
    const undo = () => db.database.transaction((tx) => undoLastChange(tx, { distribution: UNSTABLE }));

    const undone = await undo();
    expect(undone).toMatchObject({
      entered: [{ source: "hello", version: "1.0-1" }],
      left: [{ source: "hello", version: "1.0-4" }],
    });
    expect(await versions("hello", UNSTABLE)).toEqual(["1.0-3", "1.0-2", "1.0-1"]);
    expect(await binaries("hello", "1.0-1", UNSTABLE)).toEqual(["hello:all"]);
    await undo();
    expect(await versions("hello", UNSTABLE)).toEqual(["1.0-4", "1.0-3", "1.0-2"]);
    await db.database.transaction((tx) =>
      removeSourceVersion(tx, { distribution: UNSTABLE, source: "hello", withoutRollback: true }),
    );
    await site.ensure(distributionSettings(UNSTABLE, { migratesTo: TESTING, keep: 2, rollbackViews: 2, notAutomatic: true }));
    await undo();
    expect(await versions("hello", UNSTABLE)).toEqual(["1.0-4", "1.0-3", "1.0-2"]);
    const nothing = db.database.transaction((tx) => undoLastChange(tx, { distribution: STABLE }));
    await expect(nothing).rejects.toMatchObject({ code: "NOTHING_TO_UNDO" });
  });

  test("a change that left nothing behind is not the last one; new binary packages alone are undone too", async () => {
    for (const version of ["1.0-2", "1.0-3", "1.0-4", "1.0-1"]) await install("hello", version);
    const undo = () => db.database.transaction((tx) => undoLastChange(tx, { distribution: UNSTABLE }));

    expect(await undo()).toMatchObject({ entered: [], left: [{ source: "hello", version: "1.0-4" }] });
    const rows = await everMembers("1.0-1");
    expect(rows.every(({ valid_from, valid_to }) => valid_from === valid_to)).toBe(true);
    await site.install(UNSTABLE, {
      debs: [
        await makeDeb(scratchPath, { name: "hello-nmu", version: "1.0-3+b1", source: "hello (1.0-3)", architecture: "amd64" }),
      ],
    });
    expect(await undo()).toMatchObject({ entered: [], left: [{ source: "hello", version: "1.0-3" }] });
    expect(await binaries("hello", "1.0-3", UNSTABLE)).toEqual(["hello:all"]);
    expect((await publicEvents())[0]).toBe(`REMOVED ${UNSTABLE} hello 1.0-3`);
  });

  async function everMembers(version: string) {
    return db.database.read
      .selectFrom("source_memberships as members")
      .innerJoin("source_packages as packages", "packages.id", "members.source_package_id")
      .select(["valid_from", "valid_to"])
      .where("members.distribution", "=", UNSTABLE)
      .where("packages.version", "=", version)
      .execute();
  }

  test("rollback distributions show the kept versions by rank, after every kind of change", async () => {
    const views = async () => [
      await versions("hello", `${UNSTABLE}-rollback0`),
      await versions("hello", `${UNSTABLE}-rollback1`),
    ];
    for (const version of ["1.0-1", "1.0-2", "1.0-3", "1.0-4"]) await install("hello", version);

    expect(await views()).toEqual([["1.0-3"], ["1.0-2"]]);
    expect(await binaries("hello", "1.0-3", `${UNSTABLE}-rollback0`)).toEqual(["hello:all"]);
    await db.database.transaction((tx) => removeSourceVersion(tx, { distribution: UNSTABLE, source: "hello" }));
    expect(await views()).toEqual([["1.0-2"], []]);
    await db.database.transaction((tx) => undoLastChange(tx, { distribution: UNSTABLE }));
    expect(await views()).toEqual([["1.0-3"], ["1.0-2"]]);
    await site.ensure(distributionSettings(UNSTABLE, { keep: 2, rollbackViews: 1 }));
    expect(await views()).toEqual([["1.0-3"], []]);
    await site.ensure(distributionSettings(UNSTABLE, { keep: 2, rollbackViews: 2 }));
    expect(await views()).toEqual([["1.0-3"], ["1.0-2"]]);
  });
});
