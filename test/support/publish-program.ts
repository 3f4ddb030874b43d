/**
 * A program that is killed by tests: opens the archive in a home, installs one .deb (path in the second argument; "-"
 * for none), publishes all that is pending, and ends; with a third argument "forever" it goes on installing the .debs of
 * that directory until it is killed.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Archive, ensureDistributions, importBinary, installPackages } from "../../src/archive/index.ts";
import { type DatabaseLocation, openDatabase } from "../../src/database/index.ts";
import { InstanceKey } from "../../src/keyring/index.ts";
import { createLogger, defaultLimits, hashFile, systemClock } from "../../src/runtime/index.ts";
import { distributionSettings } from "./archive.ts";

const DISTRIBUTION = "bookworm-test-unstable";

const [homePath = "", debPath = "-", mode = "once"] = process.argv.slice(2);
const logger = createLogger("warn");
const clock = systemClock;
const location: DatabaseLocation = { kind: "sqlite", path: join(homePath, "database/mini-buildd.sqlite") };
const database = await openDatabase(location, { clock, logger });
const key = await InstanceKey.open(join(homePath, "keys"), "test");
const archive = new Archive({
  database,
  location,
  homePath,
  clock,
  logger,
  // Superseded objects go soon, so that deleting them is killed too.
  limits: { ...defaultLimits, publicationIntervalMsMax: 0, byHashRetentionMs: 0, byHashRetentionGenerations: 1 },
  sign: (bytes) => key.signRelease(bytes),
});
await database.transaction((tx) => ensureDistributions(tx, [distributionSettings(DISTRIBUTION, { components: ["main"] })]));

(globalThis as { armKillAt?: () => void }).armKillAt?.();
await archive.start();
if (mode === "forever") await installAll(debPath);
else if (debPath !== "-") await install(debPath);
await archive.untilPublished();
await archive.stop();
await key.close();
await database.close();

async function install(path: string): Promise<void> {
  const { sha256, sizeBytes } = await hashFile(path);
  const binary = await importBinary(archive.contentStore, path, { sha256, sizeBytes });
  await database.transaction((tx) => installPackages(tx, { distribution: DISTRIBUTION, binaries: [binary], buildinfos: [] }));
}

async function installAll(directory: string): Promise<never> {
  for (;;) {
    for (const name of (await readdir(directory)).sort()) {
      await install(join(directory, name));
      await archive.untilPublished();
      process.stdout.write(`${name}\n`);
    }
  }
}
