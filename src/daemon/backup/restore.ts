import { existsSync } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { republishDistributions } from "../../archive/index.ts";
import { acquireHomeLock, type DatabaseLocation, openDatabase } from "../../database/index.ts";
import { AppError, createLogger, hashFile, makeDirectory, runCommand, syncFileSystem, systemClock } from "../../runtime/index.ts";
import { loadConfig } from "../config.ts";
import { homePaths } from "../home.ts";
import type { BackupRequest } from "./create.ts";
import { type BackupManifest, backupInvalid, DATABASE_NAMES, engineOf, MANIFEST_NAME, readManifest } from "./manifest.ts";
import { restoreMarkerPath } from "./marker.ts";
import { hasContent, type PoolRow, poolRows } from "./pool.ts";
import { postgresPoolRows, requireEmptyPostgres, restorePostgres } from "./postgres-dump.ts";

const EXTRACT_TIMEOUT_MS = 24 * 60 * 60 * 1000;
/** In the marker: the database of PostgreSQL was empty, and is being filled. */
const BEGUN_DATABASE = "database";
/** Made by a file system, and by the lock on the home. */
const NOT_CONTENT: readonly string[] = ["lost+found", "run"];

/**
 * Make an empty home what it was when the backup was written. Killed half-way, the home is not started, and restoring
 * begins anew. All distributions are published with a later Date when the daemon starts: apt keeps what is newer.
 * A dump of PostgreSQL goes into the database that its etc/mini-buildd.toml names, which must be empty, too. Throws
 * HOME_NOT_EMPTY (conflict), BACKUP_INVALID (invalid), BACKUP_PG_DUMP (unavailable), HOME_LOCKED.
 */
export async function restoreBackup({ home, file }: BackupRequest): Promise<string> {
  await makeDirectory(home);
  await requireEmpty(home);
  const lock = await acquireHomeLock(home, systemClock);
  try {
    const hasBegunDatabase = (await readFile(restoreMarkerPath(home), "utf8").catch(() => "")) === BEGUN_DATABASE;
    await removeContent(home);
    await writeFile(restoreMarkerPath(home), hasBegunDatabase ? BEGUN_DATABASE : "");
    await extract(file, home);
    const manifest = await readManifest(home);
    await checkDatabase(home, manifest);
    const location =
      engineOf(manifest) === "sqlite"
        ? ({ kind: "sqlite", path: homePaths(home).database } as const)
        : await fillPostgres(home, { hasBegunDatabase });
    await checkPool(
      home,
      location.kind === "sqlite" ? poolRows(location.path) : await postgresPoolRows(location.connectionString),
    );
    await publishAgain(location);
    await syncFileSystem(home);
    await rm(join(home, MANIFEST_NAME));
    await rm(restoreMarkerPath(home));
    await syncFileSystem(home);
    return `${home} is as it was at ${manifest.createdAt}; start it with: mini-buildd serve --home ${home}\n`;
  } finally {
    await lock.release();
  }
}

async function requireEmpty(home: string): Promise<void> {
  if (existsSync(restoreMarkerPath(home))) return;
  const found = (await readdir(home)).filter((name) => !NOT_CONTENT.includes(name));
  if (found.length === 0) return;
  throw new AppError({
    kind: "conflict",
    code: "HOME_NOT_EMPTY",
    message: `${home} is not empty: ${found.slice(0, 5).join(", ")}`,
    hint: "Restore into an empty directory: nothing is ever overwritten",
  });
}

/** Of a restore that was killed. */
async function removeContent(home: string): Promise<void> {
  const marker = restoreMarkerPath(home);
  for (const name of await readdir(home)) {
    const path = join(home, name);
    if (!NOT_CONTENT.includes(name) && path !== marker) await rm(path, { recursive: true });
  }
}

async function extract(file: string, home: string): Promise<void> {
  const ended = await runCommand({
    argv: ["tar", "--extract", "--preserve-permissions", "--no-same-owner", `--file=${file}`, `--directory=${home}`],
    timeoutMs: EXTRACT_TIMEOUT_MS,
    keepTail: true,
    outputBytesMax: 64 * 1024,
  });
  if (ended.reason === "exited" && ended.exitCode === 0) return;
  const output = ended.stderr.toString("utf8").trim().split("\n").at(-1) ?? "";
  throw backupInvalid(`tar says: ${output.slice(0, 300)}`);
}

async function checkDatabase(home: string, manifest: BackupManifest): Promise<void> {
  const { sha256 } = await hashFile(join(home, DATABASE_NAMES[engineOf(manifest)]));
  if (sha256 !== manifest.databaseSha256) throw backupInvalid("the database is not what the manifest says");
}

async function checkPool(home: string, rows: Iterable<PoolRow>): Promise<void> {
  for (const row of rows) {
    if (!(await hasContent(home, row))) throw backupInvalid(`${row.sha256} of the pool is missing or cut off`);
  }
}

/** Once it has begun, what is in the database is ours: restoring again may replace it. */
async function fillPostgres(
  home: string,
  { hasBegunDatabase }: { readonly hasBegunDatabase: boolean },
): Promise<DatabaseLocation & { kind: "postgres" }> {
  const { postgres: connectionString } = await loadConfig(home);
  if (connectionString === undefined)
    throw backupInvalid("it has a dump of PostgreSQL, and its settings name no database for it");

  if (!hasBegunDatabase) await requireEmptyPostgres(connectionString);
  await writeFile(restoreMarkerPath(home), BEGUN_DATABASE);
  await syncFileSystem(home);
  const dump = join(home, DATABASE_NAMES.postgres);
  await restorePostgres(connectionString, dump, { replace: hasBegunDatabase });
  await rm(dump);
  return { kind: "postgres", connectionString };
}

async function publishAgain(location: DatabaseLocation): Promise<void> {
  const database = await openDatabase(location, { clock: systemClock, logger: createLogger("warn") });
  try {
    await database.transaction((tx) => republishDistributions(tx, undefined));
  } finally {
    await database.close();
  }
}
