import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { runChecked } from "./subprocess.ts";

/** Write a file so that a crash leaves either the old or the whole new content: temporary name, fsync, rename, fsync of the directory. */
export async function writeFileAtomically(
  path: string,
  content: string | Uint8Array,
  options: { mode?: number } = {},
): Promise<void> {
  const temporaryPath = `${path}.${randomUUID()}.tmp`;
  const handle = await open(temporaryPath, "wx", options.mode ?? 0o644);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } catch (error) {
    await rm(temporaryPath, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  await rename(temporaryPath, path);
  await syncDirectory(dirname(path));
}

/** Make renames and links in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, "r");
    await handle.sync();
  } finally {
    await handle?.close();
  }
}

/** Make everything durable that is on the file system of `path`: for more files than one can name one by one. */
export async function syncFileSystem(path: string): Promise<void> {
  await runChecked({ argv: ["sync", "--file-system", path] });
}

export async function makeDirectory(path: string, mode = 0o755): Promise<void> {
  await mkdir(path, { recursive: true, mode });
}

/** Bytes an ordinary user may still write on the file system of `path`. */
export async function freeSpaceBytes(path: string): Promise<number> {
  const stats = await statfs(path);
  return stats.bavail * stats.bsize;
}
