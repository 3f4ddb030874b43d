import { lstat, mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  compareHistory,
  findPoint,
  findPublication,
  formatInstant,
  listSnapshots,
  removeSourceVersion,
  requestPeriodicSnapshots,
  requestSnapshot,
  requestSnapshotDeletion,
} from "../../../src/archive/index.ts";
import { ManualClock } from "../../../src/runtime/index.ts";
import { type AptRoot, aptSource, makeAptRoot } from "../../support/apt.ts";
import { distributionSettings, makeTestArchive, type TestArchive } from "../../support/archive.ts";
import { engines, useDatabase } from "../../support/database.ts";
import { makeDeb, makeSource } from "../../support/packages.ts";
import { type StaticServer, serveDirectory } from "../../support/static-server.ts";

const STABLE = "bookworm-test-stable";
const DAY_MS = 24 * 60 * 60 * 1000;

let scratchPath: string;
let clock: ManualClock;
let site: TestArchive;
let server: StaticServer | undefined;
let apt: AptRoot | undefined;

beforeEach(async () => {
  scratchPath = await mkdtemp(join(tmpdir(), "mbd-named-"));
});

afterEach(async () => {
  await apt?.dispose();
  await server?.close();
  await site.dispose();
  [apt, server] = [undefined, undefined];
  await rm(scratchPath, { recursive: true, force: true });
});

async function open(): Promise<void> {
  clock = new ManualClock(new Date("2026-11-02T08:00:00Z"));
  site = await makeTestArchive({ clock, limits: { publicationIntervalMsMax: 0 } });
  await site.ensure(distributionSettings(STABLE, { components: ["main"], keep: 0 }));
}

async function publish(version: string): Promise<void> {
  clock.advance(DAY_MS);
  await site.install(STABLE, { debs: [await makeDeb(scratchPath, { version })] });
  await site.archive.untilPublished();
}

function create(name: string): Promise<void> {
  return site.archive.namedSnapshots.create({ distribution: STABLE, name, kind: "manual", by: "test" });
}

const root = (...parts: string[]): string => join(site.homePath, "repositories/test", ...parts);

/** `apt-get update` for the snapshot, with deb lines as the original's users have them. */
async function update(name: string): Promise<{ apt: AptRoot; output: string; exitCode: number | undefined }> {
  server ??= await serveDirectory(join(site.homePath, "repositories"));
  const sources = aptSource({
    uri: `${server.url}/test`,
    suites: [`${STABLE}/snapshots/${name}`],
    components: ["main"],
    armoredKey: site.key.armoredPublicKey(),
  });
  await apt?.dispose();
  apt = await makeAptRoot({ sources });
  const ended = await apt.run("apt-get", "update");
  return { apt, output: `${ended.stdout.toString()}${ended.stderr.toString()}`, exitCode: ended.exitCode };
}

test.each(["WEEKLY_2026-11-22T13:44", "1.0~rc1+b"])("apt installs from snapshot %s, without a warning", async (name) => {
  await open();
  await publish("1.0-1");
  await create(name);
  await publish("2.0-1");

  const updated = await update(name);
  await updated.apt.must("apt-get", "download", "hello");

  expect(updated.output).not.toMatch(/^[WE]:/m);
  expect(await readdir(join(updated.apt.path, "work"))).toEqual(["hello_1.0-1_all.deb"]);
});

test("a deleted snapshot is gone for apt, and its name is free again", async () => {
  await open();
  await publish("1.0-1");
  await create("snap1");
  await site.archive.namedSnapshots.delete({ distribution: STABLE, name: "snap1" }, "test");

  const afterDeletion = await update("snap1");
  await publish("2.0-1");
  await create("snap1");
  const again = await update("snap1");
  await again.apt.must("apt-get", "download", "hello");

  expect(afterDeletion.exitCode).not.toBe(0);
  expect(await readdir(join(again.apt.path, "work"))).toEqual(["hello_2.0-1_all.deb"]);
  expect((await listSnapshots(site.database.read, STABLE)).map(({ name }) => name)).toEqual(["snap1"]);
});

test("it is in every later generation, by relative links that stay inside the tree", async () => {
  await open();
  await publish("1.0-1");
  await create("snap1");
  for (const version of ["2.0-1", "3.0-1", "4.0-1", "5.0-1"]) await publish(version);

  const generation = await readlink(root("dists", STABLE));
  const links = [
    { at: root("dists"), target: generation },
    { at: root("dists", generation), target: await readlink(root("dists", STABLE, "snapshots")) },
    { at: root("generations", STABLE, "snapshots"), target: await readlink(root("dists", STABLE, "snapshots/snap1")) },
  ];

  for (const { at, target } of links) expect(join(at, target).startsWith(root())).toBe(true);
  expect(links.every(({ target }) => !target.startsWith("/"))).toBe(true);
  expect((await lstat(root("dists", STABLE, "snapshots/snap1/InRelease"))).isFile()).toBe(true);
});

test("a snapshot has the same indexes from memory and from the database", async () => {
  await open();
  await publish("1.0-1");
  await create("warm");
  const instant = formatInstant((await findPublication(site.database.read, STABLE))?.releaseDate ?? new Date(0));
  await publish("2.0-1");

  await site.archive.timeSnapshots.find({ repositoryId: "test", distribution: STABLE, instant });

  const sums = async (path: string) => (await readFile(path, "utf8")).split("\n").filter((line) => line.startsWith(" "));
  const warm = await sums(root("dists", STABLE, "snapshots/warm/Release"));
  expect(warm.some((line) => line.endsWith("main/binary-amd64/Packages.xz"))).toBe(true);
  expect(await sums(root("snapshot", instant, "dists", STABLE, "Release"))).toEqual(warm);
});

test("what could lead elsewhere, or is no name, is refused", async () => {
  await open();

  for (const name of [".hidden", "a/b", "..", "", "ä", "x".repeat(101), "-rf"]) {
    await expect(create(name)).rejects.toMatchObject({ code: "SNAPSHOT_NAME_INVALID" });
  }
});

test("a name that is taken, and one that is not there, are refused", async () => {
  await open();
  await create("snap1");

  await expect(create("snap1")).rejects.toMatchObject({ code: "SNAPSHOT_EXISTS" });
  await expect(site.archive.namedSnapshots.delete({ distribution: STABLE, name: "snap2" }, "test")).rejects.toMatchObject({
    code: "SNAPSHOT_UNKNOWN",
  });
});

test("a decision whose files were not written before a crash is carried out, both ways", async () => {
  await open();
  await publish("1.0-1");
  await site.database.transaction((tx) => requestSnapshot(tx, { distribution: STABLE, name: "a", kind: "manual", by: "test" }));

  await site.archive.namedSnapshots.settle({ distribution: STABLE, name: "a" });
  const written = await readdir(root("dists", STABLE, "snapshots"));
  await site.database.transaction((tx) => requestSnapshotDeletion(tx, { distribution: STABLE, name: "a" }, "test"));
  await site.archive.namedSnapshots.settle({ distribution: STABLE, name: "a" });

  expect(written).toEqual(["a"]);
  expect(await readdir(root("dists", STABLE, "snapshots"))).toEqual([]);
  expect(await readdir(root("generations", STABLE, "named"))).toEqual([]);
});

describe.each(engines)("history on %s", (engine) => {
  const db = useDatabase(engine);

  beforeEach(async () => {
    const { database, location } = db;
    clock = db.clock;
    site = await makeTestArchive({ clock, database: { database, location }, limits: { publicationIntervalMsMax: 0 } });
  });

  async function install(name: string, version: string): Promise<void> {
    const source = await makeSource(scratchPath, { name, version });
    await site.install(STABLE, { source, debs: [await makeDeb(scratchPath, { name, version })] });
  }

  test("the difference between two points says what came, went, rose and fell", async () => {
    await site.ensure(distributionSettings(STABLE, { components: ["main"], keep: 0 }));
    for (const name of ["stays", "goes", "rises"]) await install(name, "1.0-1");
    await install("falls", "2.0-1");
    await create("before");
    await install("rises", "1.1-1");
    await install("comes", "1.0-1");
    await site.database.transaction(async (tx) => {
      await removeSourceVersion(tx, { distribution: STABLE, source: "goes", version: "1.0-1" });
      await removeSourceVersion(tx, { distribution: STABLE, source: "falls", version: "2.0-1" });
    });
    await install("falls", "1.9-1");

    const from = await findPoint(site.database.read, STABLE, "before", clock.now());
    const to = await findPoint(site.database.read, STABLE, "now", clock.now());
    const differences = await compareHistory(site.database.read, STABLE, { from, to });
    const backwards = await compareHistory(site.database.read, STABLE, { from: to, to: from });

    const sources = differences.filter(({ architecture }) => architecture === "source");
    expect(sources.map(({ kind, name, from: a, to: b }) => [kind, name, a, b].join(" "))).toEqual([
      "added comes  1.0-1",
      "downgraded falls 2.0-1 1.9-1",
      "removed goes 1.0-1 ",
      "upgraded rises 1.0-1 1.1-1",
    ]);
    expect(differences).toHaveLength(8);
    expect(backwards.map(({ kind, name }) => `${kind} ${name}`).filter((_, index) => index % 2 === 0)).toEqual([
      "removed comes",
      "upgraded falls",
      "added goes",
      "downgraded rises",
    ]);
    await expect(findPoint(site.database.read, STABLE, "nonsense", clock.now())).rejects.toMatchObject({ code: "POINT_UNKNOWN" });
  });

  test("the schedule makes a snapshot in each week, month and year, and keeps as many as are wanted", async () => {
    const snapshots = { weekly: 2, monthly: 1, yearly: 0 };
    await site.ensure(distributionSettings(STABLE, { components: ["main"], keep: 0, snapshots }));
    await install("hello", "1.0-1");

    for (let day = 0; day < 33; day += 1) {
      clock.advance(DAY_MS);
      for (const id of await requestPeriodicSnapshots(site.database)) await site.archive.namedSnapshots.settle(id);
    }

    const kept = await listSnapshots(site.database.read, STABLE);
    expect(kept.map(({ name }) => name)).toEqual([
      "MONTHLY_2026-12-01T13:05",
      "WEEKLY_2026-12-14T13:05",
      "WEEKLY_2026-12-21T13:05",
    ]);
    expect(await readdir(root("generations", STABLE, "snapshots"))).toEqual(kept.map(({ name }) => name).sort());
  });

  test("an empty distribution, and one that wants none, get no snapshots", async () => {
    await site.ensure(
      distributionSettings(STABLE, { snapshots: { weekly: 2, monthly: 1, yearly: 1 } }),
      distributionSettings("sid-test-stable"),
    );
    await site.install("sid-test-stable", { debs: [await makeDeb(scratchPath)] });
    clock.advance(500 * DAY_MS);

    expect(await requestPeriodicSnapshots(site.database)).toEqual([]);
  });
});
