import { randomUUID } from "node:crypto";
import { linkSync, mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { syncDirectory } from "../runtime/index.ts";

/** A file of a generation that readers may fetch, by name and by hash. */
export interface GenerationFile {
  /** "main/binary-amd64" */
  readonly directory: string;
  /** "Packages.xz" */
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly sha512: string;
  /** What it is made of; only asked for where no object has it yet. */
  readonly pieces: () => readonly Uint8Array[];
}

/** A by-hash object that a generation refers to. */
export interface GenerationObject {
  readonly directory: string;
  readonly sha256: string;
  readonly sha512: string;
  readonly sizeBytes: number;
}

/** At once: the system writes what waits together in one go. */
const PARALLEL_MAX = 16;

/**
 * Writes the indexes of one generation:
 *
 *     generations/<distribution>/by-hash/main/binary-amd64/SHA256/<hash>   an object, shared by generations
 *     generations/<distribution>/by-hash/main/binary-amd64/SHA512/<hash>   the same file
 *     generations/<distribution>/<directory name>/main/binary-amd64/Packages.xz   the same file
 *     generations/<distribution>/<directory name>/main/binary-amd64/by-hash → the first
 *
 * Objects are written under a temporary name, synced and renamed, so one that is there is whole and never changes.
 */
export class GenerationWriter {
  readonly #basePath: string;
  readonly #generationPath: string;
  readonly #temporaryPath: string;
  readonly #touched = new Set<string>();

  /** basePath: generations/<distribution>; only one writer at a time. */
  constructor(basePath: string, directoryName: string) {
    this.#basePath = basePath;
    this.#generationPath = join(basePath, directoryName);
    this.#temporaryPath = join(basePath, "tmp");
  }

  /** Everything is on the disk on return. Blocks its process for what does not wait for the disk. */
  async write(files: readonly GenerationFile[]): Promise<void> {
    // What a writer that was killed left.
    rmSync(this.#temporaryPath, { recursive: true, force: true });
    mkdirSync(this.#temporaryPath, { recursive: true, mode: 0o755 });
    for (const directory of new Set(files.map((file) => file.directory))) this.#prepareDirectory(directory);

    // What costs time, writing, side by side; then all names.
    const missing = files.filter((file) => !this.#linkExisting(file));
    const objects = new Map(missing.map((file) => [this.#objectPath(file), file]));
    await inParallel([...objects], ([path, file]) => this.#writeObject(path, file));
    for (const file of missing) this.#linkNames(file);

    rmSync(this.#temporaryPath, { recursive: true, force: true });
    await inParallel([...this.#touched, this.#basePath], (path) => syncDirectory(path));
  }

  async #writeObject(path: string, file: GenerationFile): Promise<void> {
    const temporaryPath = join(this.#temporaryPath, randomUUID());
    await writeSynced(temporaryPath, file.pieces());
    renameSync(temporaryPath, path);
  }

  #objectPath({ directory, sha256 }: GenerationFile): string {
    return join(this.#basePath, "by-hash", directory, "SHA256", sha256);
  }

  /** False when there is no object for it yet. */
  #linkExisting(file: GenerationFile): boolean {
    try {
      this.#linkNames(file);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
      throw error;
    }
  }

  #linkNames(file: GenerationFile): void {
    const objectPath = this.#objectPath(file);
    unlessThere(() => linkSync(objectPath, join(this.#generationPath, file.directory, file.name)));
    unlessThere(() => linkSync(objectPath, join(this.#basePath, "by-hash", file.directory, "SHA512", file.sha512)));
  }

  #prepareDirectory(directory: string): void {
    const byHashPath = join(this.#basePath, "by-hash", directory);
    this.#makeDirectory(join(byHashPath, "SHA256"));
    this.#makeDirectory(join(byHashPath, "SHA512"));
    const path = join(this.#generationPath, directory);
    this.#makeDirectory(path);
    unlessThere(() => symlinkSync(relative(path, byHashPath), join(path, "by-hash")));
  }

  /** New directories must be synced up to the base, or a power cut loses the way to the file. */
  #makeDirectory(path: string): void {
    mkdirSync(path, { recursive: true, mode: 0o755 });
    for (let at = path; at !== this.#basePath && !this.#touched.has(at); at = dirname(at)) this.#touched.add(at);
  }
}

async function writeSynced(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  const handle = await open(path, "wx", 0o644);
  try {
    for (let index = 0; index < pieces.length; index += IOVECS_MAX) await handle.writev(pieces.slice(index, index + IOVECS_MAX));
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Of one call, as Linux has it. */
const IOVECS_MAX = 1024;

/** Results in the order of the items. The first error is thrown when nothing runs any more. */
async function inParallel<Item, Result>(items: readonly Item[], act: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  for (let index = 0; index < items.length; index += PARALLEL_MAX) {
    const settled = await Promise.allSettled(items.slice(index, index + PARALLEL_MAX).map(act));
    for (const one of settled) {
      if (one.status === "rejected") throw one.reason;
      results.push(one.value);
    }
  }
  return results;
}

function unlessThere(make: () => void): void {
  try {
    make();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
