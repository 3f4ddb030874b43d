/**
 * Our archive engine on SQLite, with its publisher, as in the daemon: does what a task says and prints the seconds as JSON.
 * Usage: node ours-process.js ROOT '<ArchiveTask as JSON>'
 */
import { watch } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import type { DistributionSettings, ImportedBinary, MigrateContext } from "../../src/archive/index.ts";
import type { DatabaseLocation } from "../../src/database/index.ts";
import { makeSource } from "../../test/support/packages.ts";
import { type ActValues, type ArchiveTask, secondsOf } from "./side.ts";

const [, , root = "", given = ""] = process.argv;

/** Compiled, as it is run: sources that Node reads by itself take 60 MB more. */
function load<Module>(name: string): Promise<Module> {
  return import(pathToFileURL(join(root, "dist", name, "index.js")).href) as Promise<Module>;
}

// A daemon that rests has a small heap, too.
const { collectSooner, createLogger, defaultLimits, systemClock } =
  await load<typeof import("../../src/runtime/index.ts")>("runtime");
const collectAsUsual = collectSooner();
const { Archive, ensureDistributions, importBinaries, importDsc, installPackages, migrate, removeSourceVersion } =
  await load<typeof import("../../src/archive/index.ts")>("archive");
const { openDatabase } = await load<typeof import("../../src/database/index.ts")>("database");
const { InstanceKey } = await load<typeof import("../../src/keyring/index.ts")>("keyring");
const UNSTABLE = "bookworm-test-unstable";
const TESTING = "bookworm-test-testing";
const SETTINGS: Omit<DistributionSettings, "name"> = {
  repositoryId: "test",
  codename: "bookworm",
  components: ["main"],
  architectures: ["amd64"],
  origin: "Bench",
  notAutomatic: false,
  butAutomaticUpgrades: false,
  keep: 3,
};
const VERSION = "1.0-1";
/** Longer than any pause between two publications: each is a lone one. */
const QUIET_MS = defaultLimits.publicationIntervalMsMax + 500;

const task = JSON.parse(given) as ArchiveTask;
const homePath = join(task.scratchPath, "ours");
const location: DatabaseLocation = { kind: "sqlite", path: join(homePath, "database/mini-buildd.sqlite") };
const logger = createLogger("error");
const database = await openDatabase(location, { clock: systemClock, logger });
const key = await InstanceKey.open(join(homePath, "keys"), "bench");
const archive = new Archive({
  database,
  location,
  homePath,
  clock: systemClock,
  logger,
  limits: defaultLimits,
  sign: (bytes) => key.signRelease(bytes),
});
/** The peers do not weigh either. */
const notWeighed = {
  database,
  installability: { judge: async () => ({ checked: [], unchecked: [], breaks: [] }) },
} as unknown as MigrateContext;

try {
  await archive.start();
  await database.transaction((tx) =>
    ensureDistributions(tx, [
      { ...SETTINGS, name: UNSTABLE, migratesTo: TESTING },
      { ...SETTINGS, name: TESTING },
    ]),
  );
  await archive.untilPublished();
  collectAsUsual();
  process.stdout.write(JSON.stringify(await measureAll()));
} finally {
  await archive.stop();
  await key.close();
  await database.close();
}

async function measureAll(): Promise<ActValues> {
  await delay(QUIET_MS);
  const imported = await secondsOf(importAll);
  await addSources();
  const [added, committed]: [number[], number[]] = [[], []];
  for (const path of task.furtherPaths) {
    await delay(QUIET_MS);
    added.push(await secondsOf(async () => committed.push(await addOne(path))));
    await archive.untilPublished();
  }
  const migrated = await eachRound((source) =>
    migrate(notWeighed, { source, version: VERSION, distribution: UNSTABLE, force: true }),
  );
  await delay(QUIET_MS);
  const snapshot = await secondsOf(() =>
    archive.namedSnapshots.create({ distribution: UNSTABLE, name: "bench", kind: "manual", by: "bench" }),
  );
  const removed = await eachRound((source) =>
    database.transaction((tx) => removeSourceVersion(tx, { source, version: VERSION, distribution: UNSTABLE })),
  );
  return {
    "import all and publish": [imported],
    "add one and publish": added,
    "commit to new InRelease": committed,
    "migrate one and publish": migrated,
    snapshot: [snapshot],
    "remove one and publish": removed,
    "clean up": [await secondsOf(() => archive.retention.apply())],
  };
}

/** Linked where they are on the same file system, as aptly does; reprepro copies. */
async function importAll(): Promise<void> {
  const names = (await readdir(task.initialDirectory)).sort();
  const paths = names.map((name) => join(task.initialDirectory, name));
  for await (const binaries of importBinaries(archive.contentStore, paths, { homePath, areGiven: true })) await install(binaries);
  await archive.untilPublished();
}

/** Source packages migrate, with their binary packages: those that will have one. */
async function addSources(): Promise<void> {
  const store = archive.contentStore;
  for (const name of task.expendable) {
    const { dsc, files } = await makeSource(join(task.scratchPath, "sources"), { name, version: VERSION });
    const source = {
      dsc: await importDsc(store, dsc.path, dsc),
      files: await Promise.all(files.map((file) => store.importFile(file.path, file))),
    };
    await database.transaction((tx) => installPackages(tx, { distribution: UNSTABLE, source, binaries: [], buildinfos: [] }));
  }
  await archive.untilPublished();
}

/** Seconds from the commit to the InRelease that shows it. */
async function addOne(path: string): Promise<number> {
  const binaries: ImportedBinary[] = [];
  for await (const portion of importBinaries(archive.contentStore, [path], { homePath })) binaries.push(...portion);
  const switched = untilSwitched(UNSTABLE);
  await install(binaries);
  return secondsOf(() => switched);
}

async function install(binaries: readonly ImportedBinary[]): Promise<void> {
  await database.transaction((tx) => installPackages(tx, { distribution: UNSTABLE, binaries, buildinfos: [] }));
}

async function eachRound(act: (source: string) => Promise<unknown>): Promise<number[]> {
  const values: number[] = [];
  for (const source of task.expendable) {
    await delay(QUIET_MS);
    values.push(
      await secondsOf(async () => {
        await act(source);
        await archive.untilPublished();
      }),
    );
  }
  return values;
}

/** Resolves when readers see another generation. */
function untilSwitched(distribution: string): Promise<void> {
  const path = archive.paths.distribution("test", distribution);
  return new Promise((resolve) => {
    const watcher = watch(dirname(path), (_, name) => {
      if (name !== basename(path)) return;
      watcher.close();
      resolve();
    });
  });
}
