/**
 * A process of importBinaries: copies small .debs into the content store and reads them, one after the other and
 * blocking. The caller makes durable what it wrote.
 */
import { randomUUID } from "node:crypto";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
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
  const { size, ino } = statSync(path);
  if (size > SIZE_BYTES_MAX) return undefined;

  const bytes = readFileSync(path);
  const file = { name: basename(path), ...hashBytes(bytes) };
  const binary = describeBinary(file, await readDeb(bytes, options));
  storeContent(new ArchivePaths(homePath), { bytes, sha256: file.sha256, givenAs: areGiven ? { path, ino } : undefined });
  return binary;
}

interface NewContent {
  readonly bytes: Uint8Array;
  readonly sha256: string;
  readonly givenAs: { readonly path: string; readonly ino: number } | undefined;
}

function storeContent(paths: ArchivePaths, { bytes, sha256, givenAs }: NewContent): void {
  const path = paths.content(sha256);
  const directory = dirname(path);
  if (!directories.has(directory)) mkdirSync(directory, { recursive: true });
  directories.add(directory);

  if (existsSync(path)) {
    // New to the clean-up, which takes what is old and of no use.
    utimesSync(path, systemClock.now(), systemClock.now());
    return;
  }
  const temporaryPath = join(paths.contentStore, `${randomUUID()}.tmp`);
  try {
    if (givenAs === undefined || !linkGiven(givenAs, temporaryPath))
      writeFileSync(temporaryPath, bytes, { mode: 0o644, flag: "wx" });
    renameSync(temporaryPath, path);
  } catch (error) {
    rmSync(temporaryPath, { force: true });
    throw error;
  }
}

/** False when it is on another file system, or not what was read any more. */
function linkGiven({ path, ino }: { readonly path: string; readonly ino: number }, linkPath: string): boolean {
  try {
    linkSync(path, linkPath);
  } catch (error) {
    if (["EXDEV", "EPERM", "EMLINK"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
  const { ino: linked, mode } = statSync(linkPath);
  if (linked !== ino) {
    rmSync(linkPath);
    return false;
  }
  if ((mode & 0o777) !== 0o644) chmodSync(linkPath, 0o644);
  return true;
}
