import { existsSync } from "node:fs";
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { republishDistributions } from "../../archive/index.ts";
import { acquireHomeLock, openDatabase } from "../../database/index.ts";
import { AppError, createLogger, hashFile, makeDirectory, runCommand, syncFileSystem, systemClock } from "../../runtime/index.ts";
import { homePaths } from "../home.ts";
import type { BackupRequest } from "./create.ts";
import { backupInvalid, DATABASE_NAME, MANIFEST_NAME, readManifest } from "./manifest.ts";
import { restoreMarkerPath } from "./marker.ts";
import { hasContent, poolRows } from "./pool.ts";

const EXTRACT_TIMEOUT_MS = 24 * 60 * 60 * 1000;
/** Made by a file system, and by the lock on the home. */
const NOT_CONTENT: readonly string[] = ["lost+found", "run"];

/**
 * Make an empty home what it was when the backup was written. Killed half-way, the home is not started, and restoring
 * begins anew. All distributions are published with a later Date when the daemon starts: apt keeps what is newer.
 * Throws HOME_NOT_EMPTY (conflict), BACKUP_INVALID (invalid), HOME_LOCKED.
 */
export async function restoreBackup({ home, file }: BackupRequest): Promise<string> {
  await makeDirectory(home);
  await requireEmpty(home);
  const lock = await acquireHomeLock(home, systemClock);
  try {
    await removeContent(home);
    await writeFile(restoreMarkerPath(home), "");
    await extract(file, home);
    const manifest = await readManifest(home);
    await checkContent(home, manifest.databaseSha256);
    await publishAgain(home);
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

async function checkContent(home: string, databaseSha256: string): Promise<void> {
  const databasePath = join(home, DATABASE_NAME);
  const { sha256 } = await hashFile(databasePath);
  if (sha256 !== databaseSha256) throw backupInvalid("the database is not what the manifest says");
  for (const row of poolRows(databasePath)) {
    if (!(await hasContent(home, row))) throw backupInvalid(`${row.sha256} of the pool is missing or cut off`);
  }
}

async function publishAgain(home: string): Promise<void> {
  const location = { kind: "sqlite", path: homePaths(home).database } as const;
  const database = await openDatabase(location, { clock: systemClock, logger: createLogger("warn") });
  try {
    await database.transaction((tx) => republishDistributions(tx, undefined));
  } finally {
    await database.close();
  }
}
