import { randomUUID } from "node:crypto";
import { renameSync, statSync } from "node:fs";
import { chmod, constants, copyFile, link, open, readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { AppError, type Clock, type FileHashes, hashFile, makeDirectory, syncDirectory, systemClock } from "../runtime/index.ts";
import type { ArchivePaths } from "./archive-paths.ts";

/** A file whose bytes are in the content store. */
export interface PoolFile {
  readonly name: string;
  readonly sizeBytes: number;
  readonly md5: string;
  readonly sha1: string;
  readonly sha256: string;
  readonly sha512: string;
}

export interface ExpectedFile {
  /** Default: the last part of the path. */
  readonly name?: string | undefined;
  readonly sha256: string;
  readonly sizeBytes?: number | undefined;
}

/** HOME/pool: every file that the archive holds, by content. Files there are never changed. */
export class ContentStore {
  readonly #paths: ArchivePaths;
  readonly #clock: Clock;
  /** What this process imported, and when: rows that refer to it may still come. */
  readonly #imported = new Map<string, Date>();

  constructor(paths: ArchivePaths, clock: Clock = systemClock) {
    this.#paths = paths;
    this.#clock = clock;
  }

  get rootPath(): string {
    return this.#paths.contentStore;
  }

  /** The path of a stored file. */
  pathOf(sha256: string): string {
    return this.#paths.content(sha256);
  }

  /**
   * Copy a file into the store, hashing the bytes that are stored. Call it before the transaction that makes the
   * file part of something. May be called again for the same file; the source is left alone. Durable on return.
   *
   * Throws `invalid` POOL_FILE_MISMATCH when the bytes are not the expected ones; `unavailable` POOL_DISK_FULL.
   * Either way nothing is left behind.
   */
  async importFile(path: string, expected: ExpectedFile): Promise<PoolFile> {
    const name = expected.name ?? basename(path);
    await makeDirectory(this.#paths.contentStore);
    const temporaryPath = join(this.#paths.contentStore, `${randomUUID()}.tmp`);
    try {
      const hashes = await copyAndHash(path, temporaryPath);
      checkExpected(name, expected, hashes);
      await this.#keep(temporaryPath, hashes.sha256);
      return { name, ...hashes };
    } catch (error) {
      throw translateDiskFull(error, name);
    } finally {
      await rm(temporaryPath, { force: true });
    }
  }

  /** Delete what imports that were killed left. Only while no import runs. */
  async removeLeftovers(): Promise<void> {
    await makeDirectory(this.#paths.contentStore);
    for (const name of await readdir(this.#paths.contentStore)) {
      if (name.endsWith(".tmp")) await rm(join(this.#paths.contentStore, name), { force: true });
    }
  }

  /**
   * Delete content that no row refers to; false when it was imported by this process, or by one of its own or another server,
   * more recently than `ageMsMin`, so that a row may come. Nothing can come between the look and the rename: both are
   * one piece of work of the event loop.
   */
  async discard(sha256: string, ageMsMin = Number.POSITIVE_INFINITY): Promise<boolean> {
    const importedAt = this.#imported.get(sha256);
    if (importedAt !== undefined && this.#clock.now().getTime() - importedAt.getTime() < ageMsMin) return false;

    const path = this.pathOf(sha256);
    const modifiedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    // Files have the system's time, whatever our clock says.
    const isRecent = ageMsMin < Number.POSITIVE_INFINITY && systemClock.now().getTime() - (modifiedMs ?? 0) < ageMsMin;
    if (modifiedMs === undefined || isRecent) return false;

    this.#imported.delete(sha256);
    const discardedPath = join(this.#paths.contentStore, `${randomUUID()}.tmp`);
    renameSync(path, discardedPath);
    await rm(discardedPath, { force: true });
    return true;
  }

  /** What a process of ours imported; it gave old content a new time before. */
  noteImported(files: readonly PoolFile[]): void {
    // One date for all: there may be fifty thousand.
    const now = this.#clock.now();
    for (const { sha256 } of files) this.#imported.set(sha256, now);
  }

  async #keep(temporaryPath: string, sha256: string): Promise<void> {
    this.#imported.set(sha256, this.#clock.now());
    const path = this.pathOf(sha256);
    await makeDirectory(dirname(path));
    await link(temporaryPath, path).catch(ignoreExisting);
    await syncDirectory(dirname(path));
    await syncDirectory(this.#paths.contentStore);
  }
}

/** The same content was imported before: that copy stays, as the repositories' links are to it. */
function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}

/** The copy shares its blocks with the source where the file system can. What is hashed is what is stored. */
async function copyAndHash(fromPath: string, toPath: string): Promise<FileHashes> {
  await copyFile(fromPath, toPath, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  await chmod(toPath, 0o644);
  const handle = await open(toPath, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  return hashFile(toPath);
}

function checkExpected(name: string, expected: ExpectedFile, observed: { sizeBytes: number; sha256: string }): void {
  const isSizeRight = expected.sizeBytes === undefined || expected.sizeBytes === observed.sizeBytes;
  if (isSizeRight && expected.sha256 === observed.sha256) return;

  throw new AppError({
    kind: "invalid",
    code: "POOL_FILE_MISMATCH",
    message: isSizeRight
      ? `${name} has SHA256 ${observed.sha256}, and ${expected.sha256} was announced`
      : `${name} has ${observed.sizeBytes} bytes, and ${expected.sizeBytes} were announced`,
    hint: "The file was damaged or changed on its way: send it again",
    facts: { name, expected, observed },
  });
}

function translateDiskFull(error: unknown, name: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code !== "ENOSPC" && code !== "EDQUOT") return error;

  return new AppError({
    kind: "unavailable",
    code: "POOL_DISK_FULL",
    message: `there is no space left for ${name} in the pool`,
    hint: "Free space on the file system of the home directory; it is tried again",
    cause: error,
  });
}
