/**
 * A process of importBinaries: copies small .debs into the content store and reads them, one after the other and
 * blocking. The caller makes durable what it wrote.
 */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type ReadDebOptions, readDeb } from "../formats/index.ts";
import { hashBytes, serveParent, systemClock } from "../runtime/index.ts";
import { ArchivePaths } from "./archive-paths.ts";
import { describeBinary, type ImportedBinary } from "./import-package.ts";

export interface ImportTask {
  readonly id: number;
  readonly homePath: string;
  readonly options: ReadDebOptions;
  readonly paths: readonly string[];
}

/** Undefined for what could not be imported here: too large, or it has a fault that is better told elsewhere. */
export interface ImportAnswer {
  readonly id: number;
  readonly binaries: readonly (ImportedBinary | undefined)[];
}

const SIZE_BYTES_MAX = 8 * 1024 ** 2;

const directories = new Set<string>();

const parent = serveParent((message) => {
  // Nothing in it throws.
  void importAll(message as ImportTask).then((answer) => parent.send(answer));
});

async function importAll({ id, homePath, options, paths }: ImportTask): Promise<ImportAnswer> {
  const place = new ArchivePaths(homePath);
  const binaries: (ImportedBinary | undefined)[] = [];
  for (const path of paths) binaries.push(await importOne(place, path, options).catch(() => undefined));
  return { id, binaries };
}

async function importOne(place: ArchivePaths, path: string, options: ReadDebOptions): Promise<ImportedBinary | undefined> {
  if (statSync(path).size > SIZE_BYTES_MAX) return undefined;

  const bytes = readFileSync(path);
  const file = { name: basename(path), ...hashBytes(bytes) };
  const binary = describeBinary(file, await readDeb(bytes, options));
  storeContent(place, bytes, file.sha256);
  return binary;
}

function storeContent(place: ArchivePaths, bytes: Uint8Array, sha256: string): void {
  const path = place.content(sha256);
  const directory = dirname(path);
  if (!directories.has(directory)) mkdirSync(directory, { recursive: true });
  directories.add(directory);

  if (existsSync(path)) {
    // New to the clean-up, which takes what is old and of no use.
    const now = systemClock.now();
    utimesSync(path, now, now);
    return;
  }
  const temporaryPath = join(place.contentStore, `${randomUUID()}.tmp`);
  try {
    writeFileSync(temporaryPath, bytes, { mode: 0o644, flag: "wx" });
    renameSync(temporaryPath, path);
  } catch (error) {
    rmSync(temporaryPath, { force: true });
    throw error;
  }
}
