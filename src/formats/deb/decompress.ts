import { Readable } from "node:stream";
import { createGunzip, createZstdDecompress, gunzipSync } from "node:zlib";
import { AppError, filterThrough } from "../../runtime/index.ts";
import { invalidDeb, tooLargeDeb } from "./invalid-deb.ts";
import { cutAtFrames } from "./zstd-frames.ts";

export interface DecompressOptions {
  /** "", ".gz", ".xz", ".zst", ".bz2" or ".lzma". */
  readonly suffix: string;
  readonly outputBytesMax: number;
  readonly ratioMax: number;
  readonly signal?: AbortSignal | undefined;
}

/** An .xz header may ask for 4 GiB of dictionary; the highest preset of xz needs 65 MiB. */
const PROGRAMS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  ".xz": ["xz", "--decompress", "--stdout", "--format=xz", "--memlimit-decompress=512MiB"],
  ".lzma": ["xz", "--decompress", "--stdout", "--format=lzma", "--memlimit-decompress=512MiB"],
  ".bz2": ["bzip2", "--decompress", "--stdout"],
};
/** Below this, a high ratio is harmless: a small package may hold a large empty file. */
const RATIO_FREE_BYTES = 256 * 1024 ** 2;

/** What is unpacked in one go: some milliseconds of the event loop at most. */
const SMALL_INPUT_BYTES = 64 * 1024;
const SMALL_OUTPUT_BYTES = 1024 ** 2;
const CHUNK_BYTES_MIN = 256;
const CHUNK_BYTES_MAX = 64 * 1024;

export const COMPRESSION_SUFFIXES: readonly string[] = ["", ".gz", ".zst", ...Object.keys(PROGRAMS)];

/**
 * The decompressed bytes, piece by piece, and never more than allowed. Throws DEB_INVALID for damaged data,
 * DEB_TOO_LARGE, COMMAND_FAILED (unavailable) when a program is missing, the signal's reason after an abort.
 */
export async function* decompress(input: AsyncIterable<Buffer>, options: DecompressOptions): AsyncGenerator<Buffer> {
  let [inputBytes, outputBytes] = [0, 0];
  const counted = (async function* () {
    for await (const chunk of input) {
      inputBytes += chunk.length;
      yield chunk;
    }
  })();

  options.signal?.throwIfAborted();
  for await (const chunk of translateErrors(decompressed(counted, options), options)) {
    options.signal?.throwIfAborted();
    outputBytes += chunk.length;
    if (outputBytes > options.outputBytesMax) throw tooLarge(options.outputBytesMax);
    if (outputBytes > RATIO_FREE_BYTES && outputBytes > inputBytes * options.ratioMax) {
      throw tooLargeDeb(`${inputBytes} bytes unpack to ${outputBytes} and more`);
    }
    yield chunk;
  }
}

/**
 * All of it at once, where a stream would cost more than unpacking some kilobytes; undefined where it is too much for
 * that, or not unpacked by ourselves. Throws DEB_INVALID, DEB_TOO_LARGE.
 */
export function decompressSmall(input: Buffer, { suffix, outputBytesMax }: DecompressOptions): Buffer | undefined {
  if (!isSmall(suffix, input.length)) return undefined;
  const output = suffix === "" ? input : tryGunzip(input);
  if (output !== undefined && output.length > outputBytesMax) throw tooLarge(outputBytesMax);
  return output;
}

/** Whether decompressSmall is worth a try. */
export function isSmall(suffix: string, inputBytes: number): boolean {
  return ["", ".gz"].includes(suffix) && inputBytes <= SMALL_INPUT_BYTES;
}

function decompressed(input: AsyncIterable<Buffer>, { suffix, signal }: DecompressOptions): AsyncIterable<Buffer> {
  if (suffix === "") return input;

  const argv = PROGRAMS[suffix];
  if (argv !== undefined) return filterThrough({ argv, input, signal });
  return suffix === ".gz" ? throughZlib(input, createGunzip()) : throughZlib(cutAtFrames(input), createZstdDecompress());
}

/** Undefined when it is large for its size. */
function tryGunzip(bytes: Buffer): Buffer | undefined {
  try {
    return gunzipSync(bytes, { maxOutputLength: SMALL_OUTPUT_BYTES, chunkSize: outputBytesGuess(bytes) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") return undefined;
    throw isDamage(error) ? damaged(".gz") : error;
  }
}

/** What the end of the data says that it unpacks to, and a little more: room for all of it at once, and not for much more. */
function outputBytesGuess(bytes: Buffer): number {
  const said = bytes.length < 4 ? 0 : bytes.readUInt32LE(bytes.length - 4);
  return Math.min(Math.max(said, CHUNK_BYTES_MIN), CHUNK_BYTES_MAX) + CHUNK_BYTES_MIN;
}

async function* throughZlib(input: AsyncIterable<Buffer>, transform: ReturnType<typeof createGunzip>): AsyncGenerator<Buffer> {
  const source = Readable.from(input, { objectMode: false });
  source.once("error", (error) => transform.destroy(error));
  try {
    for await (const chunk of source.pipe(transform)) yield chunk as Buffer;
  } finally {
    source.destroy();
    transform.destroy();
  }
}

async function* translateErrors(output: AsyncIterable<Buffer>, { suffix, signal }: DecompressOptions): AsyncGenerator<Buffer> {
  try {
    yield* output;
  } catch (error) {
    signal?.throwIfAborted();
    if (!isDamage(error)) throw error;
    throw damaged(suffix);
  }
}

function damaged(suffix: string): AppError {
  return invalidDeb(`its data cannot be decompressed as ${suffix}`);
}

function tooLarge(outputBytesMax: number): AppError {
  return tooLargeDeb(`it unpacks to more than ${outputBytesMax} bytes`);
}

/** zlib says so with a code of its own, the programs with their exit status. */
function isDamage(error: unknown): boolean {
  if (error instanceof AppError) return error.code === "COMMAND_FAILED" && error.facts["reason"] === "exited";
  return error instanceof Error && "code" in error && /^(Z_|ERR_Z|ZSTD_)/.test(String(error.code));
}
