/**
 * A thread of importBinaries: copies small .debs into the content store and reads them, one after the other and
 * blocking, as a thread may. The caller makes durable what it wrote.
 */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { type ReadDebOptions, readDeb } from "../formats/index.ts";
import { assert, hashBytes, systemClock } from "../runtime/index.ts";
import { ArchivePaths } from "./archive-paths.ts";
import { describeBinary, type ImportedBinary } from "./import-package.ts";

export interface ImportTask {
  readonly id: number;
  readonly paths: readonly string[];
}

/** Undefined for what could not be imported here: too large, or it has a fault that is better told elsewhere. */
export interface ImportAnswer {
  readonly id: number;
  readonly binaries: readonly (ImportedBinary | undefined)[];
}

const SIZE_BYTES_MAX = 8 * 1024 ** 2;

const { homePath, options } = workerData as { homePath: string; options: ReadDebOptions };
const paths = new ArchivePaths(homePath);
const directories = new Set<string>();
const port = parentPort;
assert(port !== null, "import-worker.ts runs only as a worker thread");

port.on("message", (task: ImportTask) => {
  // Nothing in it throws.
  void importAll(task).then((answer) => port.postMessage(answer));
});

async function importAll({ id, paths: filePaths }: ImportTask): Promise<ImportAnswer> {
  const binaries: (ImportedBinary | undefined)[] = [];
  for (const path of filePaths) binaries.push(await importOne(path).catch(() => undefined));
  return { id, binaries };
}

async function importOne(path: string): Promise<ImportedBinary | undefined> {
  if (statSync(path).size > SIZE_BYTES_MAX) return undefined;

  const bytes = readFileSync(path);
  const file = { name: basename(path), ...hashBytes(bytes) };
  const binary = describeBinary(file, await readDeb(bytes, options));
  storeContent(bytes, file.sha256);
  return binary;
}

function storeContent(bytes: Uint8Array, sha256: string): void {
  const path = paths.content(sha256);
  const directory = dirname(path);
  if (!directories.has(directory)) mkdirSync(directory, { recursive: true });
  directories.add(directory);

  if (existsSync(path)) {
    // New to the clean-up, which takes what is old and of no use.
    const now = systemClock.now();
    utimesSync(path, now, now);
    return;
  }
  const temporaryPath = join(paths.contentStore, `${randomUUID()}.tmp`);
  try {
    writeFileSync(temporaryPath, bytes, { mode: 0o644, flag: "wx" });
    renameSync(temporaryPath, path);
  } catch (error) {
    rmSync(temporaryPath, { force: true });
    throw error;
  }
}
