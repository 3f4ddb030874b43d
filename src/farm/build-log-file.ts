import { closeSync, openSync, writeSync } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { runChecked, syncDirectory } from "../runtime/index.ts";

/**
 * A build's log while it is written. Writes are finished when the call returns: order is kept, readers see every
 * byte at once, and a build that prints faster than the disk writes waits for the disk, not our memory.
 */
export class BuildLogFile {
  readonly path: string;
  readonly #descriptor: number;
  #sizeBytes = 0;

  /** Starts anew: an attempt is built once. */
  constructor(path: string) {
    this.path = path;
    this.#descriptor = openSync(path, "w", 0o644);
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  write(chunk: Uint8Array): void {
    let written = 0;
    while (written < chunk.length) written += writeSync(this.#descriptor, chunk, written);
    this.#sizeBytes += chunk.length;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Keep a finished log as `path`.gz instead of `path`; one of them is complete at any moment. Does nothing without a log. */
export async function compressLog(path: string): Promise<void> {
  if ((await stat(path).catch(() => undefined)) === undefined) return;

  const suffix = ".gz.tmp";
  await runChecked({ argv: ["gzip", "--keep", "--force", "--no-name", `--suffix=${suffix}`, "--", path] });
  const handle = await open(`${path}${suffix}`, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${path}${suffix}`, `${path}.gz`);
  await syncDirectory(dirname(path));
  await rm(path);
}
