import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  Archive,
  type DistributionSettings,
  ensureDistributions,
  type InstallResult,
  importBinary,
  importDsc,
  installPackages,
} from "../../src/archive/index.ts";
import { type Database, type DatabaseLocation, openDatabase } from "../../src/database/index.ts";
import { InstanceKey } from "../../src/keyring/index.ts";
import { type Clock, defaultLimits, type Limits, type Logger, silentLogger, systemClock } from "../../src/runtime/index.ts";
import type { MadeFile, MadeSource } from "./packages.ts";

/** An archive in a home of its own, with database and key. Call dispose() in the end. */
export interface TestArchive {
  readonly homePath: string;
  readonly database: Database;
  readonly location: DatabaseLocation;
  readonly archive: Archive;
  readonly key: InstanceKey;
  ensure(...settings: DistributionSettings[]): Promise<void>;
  install(distribution: string, packages: TestPackages): Promise<InstallResult>;
  dispose(): Promise<void>;
}

interface TestPackages {
  readonly source?: MadeSource;
  readonly debs?: readonly MadeFile[];
  readonly buildinfos?: readonly { file: MadeFile; source: string; sourceVersion: string }[];
}

export interface TestArchiveOptions {
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly limits?: Partial<Limits>;
  /** Use this database, which is somebody else's to close. */
  readonly database?: { readonly database: Database; readonly location: DatabaseLocation };
  /** Where verification may find copies of a content. */
  readonly findCopies?: (sha256: string) => Promise<readonly string[]>;
  /** A home that is there already, and stays. */
  readonly homePath?: string;
  /** Publish as changes come; default true. */
  readonly isStarted?: boolean;
}

/** Settings of a distribution of repository "test"; the parts given replace the default. */
export function distributionSettings(name: string, parts: Partial<DistributionSettings> = {}): DistributionSettings {
  return {
    name,
    repositoryId: "test",
    codename: "bookworm",
    components: ["main", "contrib"],
    architectures: ["amd64"],
    origin: "Test archive",
    notAutomatic: false,
    butAutomaticUpgrades: false,
    keep: 3,
    ...parts,
  };
}

export async function makeTestArchive(options: TestArchiveOptions = {}): Promise<TestArchive> {
  const homePath = options.homePath ?? (await mkdtemp(join(tmpdir(), "mbd-archive-")));
  const { clock = systemClock, logger = silentLogger } = options;
  const { database, location, close } = await chooseDatabase(options, homePath);
  const key = await InstanceKey.open(join(homePath, "keys"), "test");
  const limits = { ...defaultLimits, ...options.limits };
  const archive = new Archive({
    database,
    location,
    homePath,
    clock,
    logger,
    limits,
    sign: (bytes) => key.signRelease(bytes),
    findCopies: options.findCopies,
  });
  if (options.isStarted ?? true) await archive.start();

  return {
    homePath,
    database,
    location,
    archive,
    key,
    ensure: (...settings) => database.transaction((tx) => ensureDistributions(tx, settings)),
    install: (distribution, packages) => install({ archive, database }, distribution, packages),
    dispose: async () => {
      await archive.stop();
      await key.close();
      await close();
      if (options.homePath === undefined) await rm(homePath, { recursive: true, force: true });
    },
  };
}

async function chooseDatabase(
  { database: given, clock = systemClock, logger = silentLogger }: TestArchiveOptions,
  homePath: string,
): Promise<{ database: Database; location: DatabaseLocation; close: () => Promise<void> }> {
  if (given !== undefined) return { database: given.database, location: given.location, close: async () => {} };

  const location: DatabaseLocation = { kind: "sqlite", path: join(homePath, "database/mini-buildd.sqlite") };
  const database = await openDatabase(location, { clock, logger });
  return { database, location, close: () => database.close() };
}

async function install(
  { archive, database }: { archive: Archive; database: Database },
  distribution: string,
  packages: TestPackages,
): Promise<InstallResult> {
  const store = archive.contentStore;
  const { source } = packages;
  const installSource = source && {
    dsc: await importDsc(store, source.dsc.path, source.dsc),
    files: await Promise.all(source.files.map((file) => store.importFile(file.path, file))),
  };
  const binaries = await Promise.all((packages.debs ?? []).map((deb) => importBinary(store, deb.path, deb)));
  const buildinfos = await Promise.all(
    (packages.buildinfos ?? []).map(async (entry) => ({ ...entry, file: await store.importFile(entry.file.path, entry.file) })),
  );
  return database.transaction((tx) => installPackages(tx, { distribution, source: installSource, binaries, buildinfos }));
}
