import { createHash, randomUUID } from "node:crypto";
import { access, link, open, rename, rm, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { makeDirectory, syncDirectory } from "../runtime/index.ts";
import type { ReleaseEntry } from "./release-file.ts";

/** A by-hash object that a generation refers to. */
export interface GenerationObject {
  readonly directory: string;
  readonly sha256: string;
  readonly sha512: string;
}

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
  readonly entries: ReleaseEntry[] = [];
  readonly objects: GenerationObject[] = [];

  /** basePath: generations/<distribution>; only one writer at a time. */
  constructor(basePath: string, directoryName: string) {
    this.#basePath = basePath;
    this.#generationPath = join(basePath, directoryName);
    this.#temporaryPath = join(basePath, "tmp");
  }

  /** Clears what a writer that was killed left. */
  async begin(): Promise<void> {
    await rm(this.#temporaryPath, { recursive: true, force: true });
    await makeDirectory(this.#temporaryPath);
    await makeDirectory(this.#generationPath);
  }

  /** A file that readers may fetch, by name and by hash. */
  async writeIndex(directory: string, name: string, bytes: Uint8Array): Promise<void> {
    const entry = this.listIndex(directory, name, bytes);
    const objectPath = await this.#writeObject(directory, entry, bytes);
    const indexDirectory = await this.#indexDirectory(directory);
    await link(objectPath, join(indexDirectory, name));
    this.objects.push({ directory, sha256: entry.sha256, sha512: entry.sha512 });
  }

  /** A file that Release lists though it is not on the disk: apt checks what it decompressed against it. */
  listIndex(directory: string, name: string, bytes: Uint8Array): ReleaseEntry {
    const hex = (algorithm: string): string => createHash(algorithm).update(bytes).digest("hex");
    const entry = { path: `${directory}/${name}`, sizeBytes: bytes.length, sha256: hex("sha256"), sha512: hex("sha512") };
    this.entries.push(entry);
    return entry;
  }

  /** Everything written is on the disk on return. */
  async end(): Promise<void> {
    for (const path of this.#touched) await syncDirectory(path);
    await rm(this.#temporaryPath, { recursive: true, force: true });
    await syncDirectory(this.#basePath);
  }

  async #writeObject(directory: string, entry: ReleaseEntry, bytes: Uint8Array): Promise<string> {
    const byHashPath = join(this.#basePath, "by-hash", directory);
    const objectPath = join(byHashPath, "SHA256", entry.sha256);
    const secondPath = join(byHashPath, "SHA512", entry.sha512);
    await this.#makeDirectory(dirname(objectPath));
    await this.#makeDirectory(dirname(secondPath));
    if (!(await exists(objectPath))) await this.#writeNew(objectPath, bytes);
    await link(objectPath, secondPath).catch(ignoreExisting);
    return objectPath;
  }

  async #writeNew(path: string, bytes: Uint8Array): Promise<void> {
    const temporaryPath = join(this.#temporaryPath, randomUUID());
    const handle = await open(temporaryPath, "wx", 0o644);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporaryPath, path);
  }

  async #indexDirectory(directory: string): Promise<string> {
    const path = join(this.#generationPath, directory);
    const byHashLink = join(path, "by-hash");
    await this.#makeDirectory(path);
    await symlink(relative(path, join(this.#basePath, "by-hash", directory)), byHashLink).catch(ignoreExisting);
    return path;
  }

  /** New directories must be synced up to the base, or a power cut loses the way to the file. */
  async #makeDirectory(path: string): Promise<void> {
    if (this.#touched.has(path)) return;

    await makeDirectory(path);
    for (let at = path; at !== this.#basePath && !this.#touched.has(at); at = dirname(at)) this.#touched.add(at);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}
