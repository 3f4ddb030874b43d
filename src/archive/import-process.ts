/**
 * A process of importBinaries: copies small .debs into the content store and reads them, one after the other and
 * blocking. The caller makes durable what it wrote.
 */
import { randomUUID } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { type ReadDebOptions, readDeb } from "../formats/index.ts";
import { hashBytes, serveParent, systemClock } from "../runtime/index.ts";
import { ArchivePaths } from "./archive-paths.ts";
import { describeBinary, type ImportedBinary } from "./import-package.ts";

export interface ImportTask {
  readonly id: number;
  readonly homePath: string;
  readonly options: ReadDebOptions;
  /** See ImportBinariesOptions. */
  readonly areGiven: boolean;
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

async function importAll(task: ImportTask): Promise<ImportAnswer> {
  const binaries: (ImportedBinary | undefined)[] = [];
  for (const path of task.paths) binaries.push(await importOne(task, path).catch(() => undefined));
  return { id: task.id, binaries };
}

async function importOne({ homePath, options, areGiven }: ImportTask, path: string): Promise<ImportedBinary | undefined> {
  const read = readSmall(path);
  if (read === undefined) return undefined;

  const file = { name: basename(path), ...hashBytes(read.bytes) };
  const binary = describeBinary(file, await readDeb(read.bytes, options));
  storeContent(new ArchivePaths(homePath), file.sha256, { ...read, givenPath: areGiven ? path : undefined });
  return binary;
}

interface ReadFile {
  readonly bytes: Uint8Array;
  readonly ino: number;
  readonly mode: number;
}

/** Undefined when it is too large. With few calls of the system: there are many files. */
function readSmall(path: string): ReadFile | undefined {
  const descriptor = openSync(path, "r");
  try {
    const { size, ino, mode } = fstatSync(descriptor);
    if (size > SIZE_BYTES_MAX) return undefined;
    const bytes = Buffer.allocUnsafe(size);
    // One that grew or shrank meanwhile is told of elsewhere.
    return readSync(descriptor, bytes, 0, size, 0) === size ? { bytes, ino, mode } : undefined;
  } finally {
    closeSync(descriptor);
  }
}

interface NewContent extends ReadFile {
  readonly givenPath: string | undefined;
}

function storeContent(paths: ArchivePaths, sha256: string, content: NewContent): void {
  const path = paths.content(sha256);
  const directory = dirname(path);
  if (!directories.has(directory)) mkdirSync(directory, { recursive: true });
  directories.add(directory);

  try {
    if (content.givenPath === undefined || !linkGiven(content, content.givenPath, path)) writeContent(paths, path, content.bytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    // What a power cut kept from the disk has its name, and not its bytes.
    if (!readFileSync(path).equals(content.bytes)) writeContent(paths, path, content.bytes, renameSync);
    // New to the clean-up, which takes what is old and of no use.
    utimesSync(path, systemClock.now(), systemClock.now());
  }
}

/** Throws EEXIST when it is there, unless it is renamed to its place. */
function writeContent(paths: ArchivePaths, path: string, bytes: Uint8Array, place = linkSync): void {
  const temporaryPath = join(paths.contentStore, `${randomUUID()}.tmp`);
  try {
    writeFileSync(temporaryPath, bytes, { mode: 0o644, flag: "wx" });
    place(temporaryPath, path);
  } finally {
    rmSync(temporaryPath, { force: true });
  }
}

/** False when it is on another file system, or not what was read any more. Throws EEXIST when it is there. */
function linkGiven({ ino, mode }: ReadFile, givenPath: string, path: string): boolean {
  try {
    linkSync(givenPath, path);
  } catch (error) {
    if (["EXDEV", "EPERM", "EMLINK"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
  if (statSync(path).ino !== ino) {
    rmSync(path);
    return false;
  }
  if ((mode & 0o777) !== 0o644) chmodSync(path, 0o644);
  return true;
}
