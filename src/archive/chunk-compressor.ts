import { availableParallelism } from "node:os";
import { setImmediate } from "node:timers/promises";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { runChecked } from "../runtime/index.ts";
import { takeXzBlocks, type XzBlock } from "./xz-stream.ts";

/** A chunk of an index in each form that indexes have. */
export interface CompressedChunk {
  /** A whole gzip member. */
  readonly gz: Buffer;
  /** See joinXzBlocks. */
  readonly xz: XzBlock;
  /** A whole zstd frame; only where it is wanted. */
  readonly zst: Buffer | undefined;
}

export interface CompressOptions {
  readonly isZstdWanted: boolean;
}

const GZIP_LEVEL = 9;
/** Of many chunks at once: half the time for 1 % more. */
const GZIP_LEVEL_QUICK = 6;
/**
 * A dictionary no larger than a chunk: with xz's own 8 MiB most of the time of a small chunk goes into memory. Hash chains
 * and texts without alignment: two thirds of preset 6's time for 1 % more.
 */
const XZ_FILTER = "--lzma2=preset=6,dict=128KiB,mf=hc4,mode=normal,nice=32,pb=0";
/** Of many chunks at once, as an import makes them: two fifths of the time for 4 % more. The next change of a chunk is thorough. */
const XZ_FILTER_QUICK = "--lzma2=preset=6,dict=128KiB,mf=hc4,mode=normal,nice=8,pb=0";
/** A change of one package has some hundred kilobytes. */
const MANY_BYTES = 2 * 1024 ** 2;
/** zstd spends its time where it gains: 19 would be slower than xz for 2 % less. */
const ZSTD_LEVEL = 12;
const XZ_TIMEOUT_MS = 10 * 60_000;
/** Of one xz process. It starts once for all chunks of a publication but the first of an archive. */
const BATCH_BYTES = 8 * 1024 ** 2;
/** Less than this, 15 ms of work, is not worth a second thread. */
const PARALLEL_BYTES = 64 * 1024;

/** Compress each chunk by itself; none may be empty. In the order given. */
export async function compressChunks(chunks: readonly Buffer[], options: CompressOptions): Promise<CompressedChunk[]> {
  const compressed: CompressedChunk[] = [];
  const areMany = sizeOf(chunks) >= MANY_BYTES;
  for (const batch of batches(chunks)) {
    // The program works while this thread does.
    const blocks = compressXz(batch, areMany ? XZ_FILTER_QUICK : XZ_FILTER);
    const others = await gzipAll(batch, areMany ? GZIP_LEVEL_QUICK : GZIP_LEVEL, options).catch(async (error: unknown) => {
      await blocks.catch(() => undefined);
      throw error;
    });
    for (const [index, xz] of (await blocks).entries()) {
      const other = others[index];
      if (other !== undefined) compressed.push({ ...other, xz });
    }
  }
  return compressed;
}

async function gzipAll(
  batch: readonly Buffer[],
  level: number,
  { isZstdWanted }: CompressOptions,
): Promise<Pick<CompressedChunk, "gz" | "zst">[]> {
  const compressed: Pick<CompressedChunk, "gz" | "zst">[] = [];
  for (const chunk of batch) {
    compressed.push({ gz: gzipMember(chunk, level), zst: isZstdWanted ? zstdFrame(chunk) : undefined });
    // Pipes hold less than a batch: without a turn of the event loop xz would wait for its input.
    await setImmediate();
  }
  return compressed;
}

/** With the same bytes on every machine: the header says nothing of the system. */
export function gzipMember(bytes: Uint8Array, level = GZIP_LEVEL): Buffer {
  return gzipSync(bytes, { level });
}

export function zstdFrame(bytes: Uint8Array): Buffer {
  // ZSTD_c_compressionLevel, ZSTD_c_checksumFlag
  return zstdCompressSync(bytes, { params: { 100: ZSTD_LEVEL, 201: 1 } });
}

async function compressXz(batch: readonly Buffer[], xzFilter: string): Promise<XzBlock[]> {
  const sizes = batch.map(({ length }) => length);
  const threads = sizeOf(batch) < PARALLEL_BYTES ? 1 : Math.min(availableParallelism(), 4);
  const ended = await runChecked({
    argv: [
      "xz",
      "--compress",
      "--stdout",
      `--threads=${threads}`,
      "--check=crc32",
      xzFilter,
      `--block-list=${sizes.join(",")}`,
      // With threads, blocks of the list that are larger than this would be cut.
      `--block-size=${Math.max(...sizes)}`,
    ],
    input: Buffer.concat(batch),
    timeoutMs: XZ_TIMEOUT_MS,
    outputBytesMax: 1024 ** 3,
  });
  return takeXzBlocks(ended.stdout, sizes);
}

function sizeOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}

function* batches(chunks: readonly Buffer[]): Generator<Buffer[]> {
  let batch: Buffer[] = [];
  let sizeBytes = 0;
  for (const chunk of chunks) {
    if (batch.length > 0 && sizeBytes + chunk.length > BATCH_BYTES) {
      yield batch;
      batch = [];
      sizeBytes = 0;
    }
    batch.push(chunk);
    sizeBytes += chunk.length;
  }
  if (batch.length > 0) yield batch;
}
