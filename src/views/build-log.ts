import { createReadStream } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { FileChanges } from "./file-changes.ts";
import { safeLength } from "./log-text.ts";

/** Where a build's log is: `path` while it is written, `path`.gz (one gzip stream) once it is kept. */
export interface BuildLogSource {
  readonly path: string;
  /** True when nothing will be written any more. */
  hasEnded(): Promise<boolean>;
}

export interface LogPiece {
  readonly bytes: Buffer;
  /** Offset in the uncompressed log just after these bytes: reading can go on there. */
  readonly endBytes: number;
}

export interface ReadLogOptions {
  readonly offsetBytes: number;
  /** Go on until the build ends; else stop at what is there now. */
  readonly follow: boolean;
  readonly signal?: AbortSignal | undefined;
}

const PIECE_SIZE_BYTES = 64 * 1024;
/** When no change of the file is announced (a network file system, no inotify watches left). */
const LOOK_AGAIN_MS = 1_000;

/**
 * A build's log from an offset on, piece by piece, while it is written and after. Pulled by its reader: a slow one
 * holds up nobody and loses nothing, because everything is in the file. Pieces never cut a character or a
 * terminal sequence in two (see `logText`), except at a given offset and at the very end.
 */
export async function* readBuildLog(source: BuildLogSource, options: ReadLogOptions): AsyncGenerator<LogPiece> {
  using changes = options.follow ? new FileChanges(source.path) : undefined;

  while (options.signal?.aborted !== true) {
    // Asked before looking for the file: a log that ends meanwhile is seen complete on the next round.
    const hasEnded = await source.hasEnded();
    const handle = await openIfThere(source.path);
    if (handle !== undefined) return yield* readLive(handle, source, options, changes);
    if (await isThere(`${source.path}.gz`)) return yield* readKept(`${source.path}.gz`, options);
    if (hasEnded || changes === undefined) return;

    await changes.next(LOOK_AGAIN_MS, options.signal);
  }
}

async function* readLive(
  handle: FileHandle,
  source: BuildLogSource,
  options: ReadLogOptions,
  changes: FileChanges | undefined,
): AsyncGenerator<LogPiece> {
  let offset = options.offsetBytes;
  try {
    while (options.signal?.aborted !== true) {
      const isLast = changes === undefined || (await source.hasEnded());
      for await (const piece of readToEnd(handle, offset, isLast)) {
        offset = piece.endBytes;
        yield piece;
      }
      if (isLast) return;

      await changes.next(LOOK_AGAIN_MS, options.signal);
    }
  } finally {
    await handle.close();
  }
}

async function* readToEnd(handle: FileHandle, offsetBytes: number, isLast: boolean): AsyncGenerator<LogPiece> {
  let offset = offsetBytes;
  for (;;) {
    const buffer = Buffer.allocUnsafe(PIECE_SIZE_BYTES);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset);
    const bytes = buffer.subarray(0, bytesRead);
    const length = isLast && bytesRead < PIECE_SIZE_BYTES ? bytesRead : safeLength(bytes);
    if (length === 0) return;

    offset += length;
    yield { bytes: bytes.subarray(0, length), endBytes: offset };
  }
}

async function* readKept(path: string, options: ReadLogOptions): AsyncGenerator<LogPiece> {
  const file = createReadStream(path, { highWaterMark: PIECE_SIZE_BYTES });
  const unzipped = createGunzip({ chunkSize: PIECE_SIZE_BYTES });
  file.on("error", (error) => unzipped.destroy(error));
  file.pipe(unzipped);
  try {
    yield* wholeCharacters(unzipped, options);
  } finally {
    file.destroy();
    unzipped.destroy();
  }
}

async function* wholeCharacters(chunks: AsyncIterable<Buffer>, options: ReadLogOptions): AsyncGenerator<LogPiece> {
  let position = 0;
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (options.signal?.aborted === true) return;
    const skipped = Math.min(chunk.length, Math.max(0, options.offsetBytes - position));
    position += chunk.length;
    const bytes = Buffer.concat([held, chunk.subarray(skipped)]);
    const length = safeLength(bytes);
    held = bytes.subarray(length);
    if (length > 0) yield { bytes: bytes.subarray(0, length), endBytes: position - held.length };
  }
  if (held.length > 0) yield { bytes: held, endBytes: position };
}

export interface LogTail {
  readonly bytes: Buffer;
  /** Where the tail begins; 0: it is the whole log. */
  readonly startBytes: number;
  readonly endBytes: number;
}

/** Kept logs larger than this (compressed) are not unpacked to show their last lines on a page. */
const TAIL_KEPT_SIZE_BYTES_MAX = 8 * 1024 ** 2;

/** The last bytes of a log, from the start of a line on; undefined when there is none or it is too large. */
export async function readLogTail(path: string, sizeBytesMax: number): Promise<LogTail | undefined> {
  const live = await stat(path).catch(() => undefined);
  const kept = live === undefined ? await stat(`${path}.gz`).catch(() => undefined) : undefined;
  if (live === undefined && (kept === undefined || kept.size > TAIL_KEPT_SIZE_BYTES_MAX)) return undefined;

  const source: BuildLogSource = { path, hasEnded: () => Promise.resolve(false) };
  const offsetBytes = Math.max(0, (live?.size ?? 0) - sizeBytesMax);
  let tail = Buffer.alloc(0);
  let endBytes = offsetBytes;
  for await (const piece of readBuildLog(source, { offsetBytes, follow: false })) {
    tail = Buffer.concat([tail, piece.bytes]).subarray(-sizeBytesMax);
    endBytes = piece.endBytes;
  }
  return fromLineStart(tail, endBytes);
}

function fromLineStart(tail: Buffer, endBytes: number): LogTail {
  const startBytes = endBytes - tail.length;
  if (startBytes === 0) return { bytes: tail, startBytes, endBytes };

  const lineStart = tail.indexOf(0x0a) + 1;
  return { bytes: tail.subarray(lineStart), startBytes: startBytes + lineStart, endBytes };
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
