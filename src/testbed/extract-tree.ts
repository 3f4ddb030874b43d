import { createWriteStream } from "node:fs";
import { chmod, lstat, mkdir, symlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import tar from "tar-stream";
import { AppError } from "../runtime/index.ts";

export interface ExtractOptions {
  /**
   * - skip: regular files and directories only.
   * - keep: symbolic links too, made after everything else, so that nothing is written through one. Whoever reads the
   *   tree must not follow them.
   */
  readonly links: "skip" | "keep";
  readonly sizeBytesMax: number;
}

/** Entries of one tree; a bound for what a hostile session can make us do. */
const ENTRIES_MAX = 1_000_000;

/**
 * Write a tar stream that comes from a hostile place below `directory` (made if absent). Nothing is overwritten and
 * no link is followed: a name that is there already, other than a directory, is an error. Owners are ours.
 * AppError invalid TESTBED_OUTPUT_TOO_LARGE, TESTBED_OUTPUT_INVALID; unavailable TESTBED_COPY_FAILED when it is cut off.
 */
export async function extractTree(stream: Readable, directory: string, options: ExtractOptions): Promise<void> {
  const extract = tar.extract();
  // Before anything is awaited: what a child process wrote is thrown away when it ends and nobody reads.
  const iterator = extract[Symbol.asyncIterator]();
  const piped = pipeline(stream, extract);
  const work = writeTree({ [Symbol.asyncIterator]: () => iterator }, directory, options);
  // When the writing fails, the stream must not go on filling a pipe that nobody reads.
  work.catch((error: unknown) => stream.destroy(error as Error));
  try {
    await Promise.all([piped, work]);
  } catch (error) {
    throw asTreeError(error);
  }
}

/** Names that cannot be, or be twice. Whatever else the file system refuses (a full disk) is ours, not the tree's. */
const IMPOSSIBLE_NAMES = ["EEXIST", "ENOTDIR", "EISDIR", "ENAMETOOLONG", "EINVAL", "EILSEQ", "ENOENT"];

function asTreeError(error: unknown): unknown {
  if (error instanceof AppError || !(error instanceof Error)) return error;

  const { code } = error as NodeJS.ErrnoException;
  if (code !== undefined && !IMPOSSIBLE_NAMES.includes(code)) return error;
  // The reader's own errors have no code.
  if (error.message === "Unexpected end of data") return cutOff(error);
  return invalidTree(error);
}

function invalidTree(cause: Error): AppError {
  return new AppError({
    kind: "invalid",
    code: "TESTBED_OUTPUT_INVALID",
    message: "what the testbed handed out is no proper tree of files",
    hint: "Look at the cause: something in the build made names that cannot be, or spoke in the place of tar",
    cause,
  });
}

function cutOff(cause: Error): AppError {
  return new AppError({
    kind: "unavailable",
    code: "TESTBED_COPY_FAILED",
    message: "copying out of the testbed ended early",
    hint: "Look whether the testbed was killed, and try again",
    cause,
  });
}

type Entries = Pick<tar.Extract, typeof Symbol.asyncIterator>;

async function writeTree(entries: Entries, directory: string, options: ExtractOptions): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeEntries(entries, directory, options);
}

async function writeEntries(entries: Entries, directory: string, options: ExtractOptions): Promise<void> {
  const links: { path: string; target: string }[] = [];
  const madeDirectories = new Set([directory]);
  let sizeBytes = 0;
  let count = 0;

  for await (const entry of entries) {
    const { header } = entry;
    // The reader takes a size that is no number for one, and waits for ever.
    if (!Number.isSafeInteger(header.size))
      throw invalidTree(new Error(`the size of ${JSON.stringify(header.name)} is no number`));
    sizeBytes += header.size ?? 0;
    count += 1;
    if (sizeBytes > options.sizeBytesMax || count > ENTRIES_MAX) throw tooMuch(options.sizeBytesMax);

    const parts = safeParts(header.name);
    if (parts === undefined) {
      entry.resume();
    } else if (header.type === "directory") {
      await makeDirectories(directory, parts, madeDirectories);
      entry.resume();
    } else if (header.type === "file") {
      await makeDirectories(directory, parts.slice(0, -1), madeDirectories);
      const path = join(directory, ...parts);
      await pipeline(entry, createWriteStream(path, { flags: "wx", mode: 0o644 }));
      if (((header.mode ?? 0) & 0o111) !== 0) await chmod(path, 0o755);
      await keepTime(path, header.mtime);
    } else {
      if (header.type === "symlink" && options.links === "keep") {
        links.push({ path: join(directory, ...parts), target: header.linkname ?? "" });
        await makeDirectories(directory, parts.slice(0, -1), madeDirectories);
      }
      entry.resume();
    }
  }
  for (const link of links) await symlink(link.target, link.path);
}

/** The parts of a relative name, or undefined for the top itself and for names that lead elsewhere. */
export function safeParts(name: string): string[] | undefined {
  if (name.startsWith("/") || name.includes("\0")) return undefined;

  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  return parts.length === 0 || parts.includes("..") || parts.length > 200 ? undefined : parts;
}

/** Make each directory unless this extraction made it; one that was there before must be a real directory. */
async function makeDirectories(top: string, parts: readonly string[], made: Set<string>): Promise<void> {
  let path = top;
  for (const part of parts) {
    path = join(path, part);
    if (made.has(path)) continue;

    await mkdir(path).catch(async (error: NodeJS.ErrnoException) => {
      const isDirectory = error.code === "EEXIST" && (await lstat(path)).isDirectory();
      if (!isDirectory) throw error;
    });
    made.add(path);
  }
}

async function keepTime(path: string, time: Date | undefined): Promise<void> {
  const seconds = (time?.getTime() ?? Number.NaN) / 1000;
  if (Number.isFinite(seconds)) await utimes(path, seconds, seconds);
}

function tooMuch(sizeBytesMax: number): AppError {
  return new AppError({
    kind: "invalid",
    code: "TESTBED_OUTPUT_TOO_LARGE",
    message: `the testbed's output is larger than ${sizeBytesMax} bytes or ${ENTRIES_MAX} files`,
    hint: "Make the output smaller, or raise the limit",
  });
}
