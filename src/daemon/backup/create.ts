import { existsSync } from "node:fs";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { AppError, hashFile, makeDirectory, runChecked, runCommand, syncDirectory, systemClock } from "../../runtime/index.ts";
import { loadConfig } from "../config.ts";
import { type HomePaths, homePaths } from "../home.ts";
import { programVersion } from "../version.ts";
import { DATABASE_NAMES, writeManifest } from "./manifest.ts";
import { hasContent, linkContent, type PoolRow, poolRows } from "./pool.ts";
import { dumpPostgres, postgresPoolRows } from "./postgres-dump.ts";

export interface BackupRequest {
  readonly home: string;
  readonly file: string;
}

/** Hours: a large archive on a slow disk. */
const COPY_TIMEOUT_MS = 24 * 60 * 60 * 1000;
const BUSY_TIMEOUT_MS = 60_000;

/**
 * Write all of a home that cannot be made again to one file (mode 0600: the signing key is in it). The daemon may run.
 *
 * Consistent, because the database is copied at one moment, and what it speaks of is held by hard links: the pool before
 * that moment, and what came in between after it; all else after it, as if the daemon had been killed just then, which it
 * is made for. Returns what to tell. Throws BACKUP_EXISTS (conflict), HOME_EMPTY, BACKUP_INCOMPLETE, BACKUP_PG_DUMP.
 */
export async function createBackup({ home, file }: BackupRequest): Promise<string> {
  const paths = homePaths(home);
  const { postgres } = await loadConfig(home);
  refuseUnsuitable(paths, { file, postgres });
  const engine = postgres === undefined ? "sqlite" : "postgres";
  await removeLeftovers(paths.cache);
  const staging = join(paths.cache, `backup-${process.pid}`);
  await makeDirectory(paths.cache);
  await mkdir(staging, { mode: 0o700 });
  try {
    await linkTree(home, staging, "pool");
    await linkTree(home, staging, "quarantine");
    const databasePath = join(staging, DATABASE_NAMES[engine]);
    await makeDirectory(dirname(databasePath), 0o700);
    if (postgres === undefined) copyDatabase(paths.database, databasePath);
    else await dumpPostgres(postgres, databasePath);
    // Of a dump, that includes what came since; nothing that it speaks of can have gone in so short a time.
    const rows = postgres === undefined ? poolRows(databasePath) : await postgresPoolRows(postgres);
    const pool = await completePool({ home, staging, rows });
    for (const name of ["quarantine", "repositories", "builds"]) await linkTree(home, staging, name);
    for (const name of ["etc", "keys"]) await copyTree(home, staging, name);
    await writeManifest(staging, engine, {
      program: programVersion(),
      createdAt: systemClock.now().toISOString(),
      databaseSha256: (await hashFile(databasePath)).sha256,
      ...pool,
    });
    await writeTar(staging, file);
    return `${file}: database, keys, settings, builds, and ${pool.poolFiles} files of the pool (${pool.poolSizeBytes} bytes)\n`;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

function refuseUnsuitable(paths: HomePaths, { file, postgres }: { file: string; postgres: string | undefined }): void {
  if (existsSync(file)) {
    throw new AppError({
      kind: "conflict",
      code: "BACKUP_EXISTS",
      message: `${file} is there already`,
      hint: "Give another name: a backup never replaces another",
    });
  }
  if (postgres !== undefined || existsSync(paths.database)) return;
  throw new AppError({
    kind: "not-found",
    code: "HOME_EMPTY",
    message: `${paths.home} has no database, so there is nothing to back up`,
    hint: "Say with --home where the instance lives",
  });
}

/** Of backups that were killed. */
async function removeLeftovers(cachePath: string): Promise<void> {
  for (const name of await readdir(cachePath).catch(() => [])) {
    const [, pid] = /^backup-(\d+)$/.exec(name) ?? [];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) await rm(join(cachePath, name), { recursive: true, force: true });
  }
}

/** In one read transaction of SQLite; writers go on meanwhile. */
function copyDatabase(from: string, to: string): void {
  const connection = new DatabaseSync(from, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
  try {
    connection.prepare("vacuum into ?").run(to);
  } finally {
    connection.close();
  }
}

/** Every content that the copied database speaks of must be there. */
async function completePool({
  home,
  staging,
  rows,
}: {
  readonly home: string;
  readonly staging: string;
  readonly rows: Iterable<PoolRow>;
}): Promise<{ poolFiles: number; poolSizeBytes: number }> {
  let poolFiles = 0;
  let poolSizeBytes = 0;
  const missing: string[] = [];
  for (const row of rows) {
    if (!(await hasContent(staging, row))) await linkContent(home, staging, row);
    if (!(await hasContent(staging, row))) missing.push(row.sha256);
    poolFiles += 1;
    poolSizeBytes += row.sizeBytes;
  }
  if (missing.length > 0) throw incomplete(missing);
  return { poolFiles, poolSizeBytes };
}

function incomplete(missing: readonly string[]): AppError {
  return new AppError({
    kind: "conflict",
    code: "BACKUP_INCOMPLETE",
    message: `${missing.length} files of the pool are missing or cut off: ${missing.slice(0, 3).join(", ")}`,
    hint: "mini-buildd archive verify --repair says what can be saved; then back up again",
  });
}

/** Hard links, of what is there: what vanishes meanwhile is of no use to the copied database either. */
async function linkTree(home: string, staging: string, name: string): Promise<void> {
  if (!existsSync(join(home, name))) return;
  const argv = ["cp", "--archive", "--link", "--no-clobber", join(home, name), staging] as const;
  const ended = await runCommand({ argv: [...argv], timeoutMs: COPY_TIMEOUT_MS, keepTail: true, outputBytesMax: 64 * 1024 });
  if (ended.reason === "exited" && (ended.exitCode === 0 || isOnlyVanished(ended.stderr.toString("utf8")))) return;

  throw new AppError({
    kind: "unavailable",
    code: "BACKUP_COPY_FAILED",
    message: `${join(home, name)} cannot be linked into ${staging}`,
    hint: "Home and its cache must be on one file system, with room for as many links",
    facts: { output: ended.stderr.toString("utf8").slice(-2_000) },
  });
}

function isOnlyVanished(errors: string): boolean {
  const lines = errors.split("\n").filter((line) => line !== "");
  return lines.length > 0 && lines.every((line) => line.endsWith("No such file or directory"));
}

/** Copies: people edit these in place. Sockets of gpg's agents are no files. */
async function copyTree(home: string, staging: string, name: string): Promise<void> {
  if (!existsSync(join(home, name))) return;
  await runChecked({ argv: ["cp", "--archive", join(home, name), staging], timeoutMs: COPY_TIMEOUT_MS });
  await runChecked({ argv: ["find", join(staging, name), "-type", "s", "-delete"], timeoutMs: COPY_TIMEOUT_MS });
}

/** A temporary name first: a file of the wanted name is a whole backup. */
async function writeTar(staging: string, file: string): Promise<void> {
  const partial = join(dirname(file), `.partial-${process.pid}-${basename(file)}`);
  const handle = await open(partial, "wx", 0o600);
  await handle.close();
  try {
    const argv = [
      "tar",
      "--create",
      "--auto-compress",
      "--numeric-owner",
      `--file=${partial}`,
      `--directory=${staging}`,
      ".",
    ] as const;
    const ended = await runCommand({ argv: [...argv], timeoutMs: COPY_TIMEOUT_MS, keepTail: true, outputBytesMax: 64 * 1024 });
    // 1: a build's log grew while it was read.
    if (ended.reason !== "exited" || (ended.exitCode ?? 2) > 1) throw tarFailed(file, ended.stderr.toString("utf8"));
    const written = await open(partial, "r+");
    await written.sync();
    await written.close();
    await rename(partial, file);
    await syncDirectory(dirname(file));
  } finally {
    await rm(partial, { force: true });
  }
}

function tarFailed(file: string, output: string): AppError {
  return new AppError({
    kind: "unavailable",
    code: "BACKUP_WRITE_FAILED",
    message: `${file} cannot be written`,
    hint: "Look at the room on that disk, and at the file's name: .tar, .tar.gz, .tar.xz or .tar.zst",
    facts: { output: output.slice(-2_000) },
  });
}
