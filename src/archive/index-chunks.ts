import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { runChecked } from "../runtime/index.ts";
import { joinXzBlocks, takeXzBlock } from "./xz-stream.ts";

export interface CompressedIndex {
  readonly gz: Buffer;
  readonly xz: Buffer;
}

interface CompressedChunk {
  /** A whole gzip member. */
  readonly gz: Buffer;
  /** A whole .xz stream with one block. */
  readonly xz: Buffer;
}

const GZIP_LEVEL = 9;
/** A dictionary no larger than a chunk: with xz's own 8 MiB most of the time of a small chunk goes into memory. */
const XZ_FILTER = "--lzma2=preset=6,dict=1MiB";
const XZ_TIMEOUT_MS = 10 * 60_000;

/**
 * Compresses an index piece by piece and keeps the pieces by content, so that only what changed is compressed again.
 * A gzip file is a sequence of members; for xz see joinXzBlocks. The kept pieces are a cache: they may vanish, and
 * a damaged one costs a publication that is not valid, so they are checked by their own checksums when read.
 */
export class IndexChunkCompressor {
  readonly #cachePath: string;

  constructor(cachePath: string) {
    this.#cachePath = cachePath;
  }

  async compress(chunks: readonly Uint8Array[]): Promise<CompressedIndex> {
    const compressed: CompressedChunk[] = [];
    for (const chunk of chunks) compressed.push(await this.#compressChunk(chunk));
    return {
      gz: compressed.length === 0 ? gzip(new Uint8Array()) : Buffer.concat(compressed.map(({ gz }) => gz)),
      xz: joinXzBlocks(compressed.map(({ xz }) => takeXzBlock(xz))),
    };
  }

  async #compressChunk(chunk: Uint8Array): Promise<CompressedChunk> {
    const hash = createHash("sha256").update(chunk).digest("hex");
    const gz = await this.#kept(`${hash}.gz`, async () => gzip(chunk));
    const xz = await this.#kept(`${hash}.xz`, () => compressXz(chunk));
    return { gz, xz };
  }

  /** Stored with its own digest in front: a file torn by a power cut is made again. */
  async #kept(name: string, make: () => Promise<Buffer>): Promise<Buffer> {
    const directory = join(this.#cachePath, name.slice(0, 2));
    const path = join(directory, name);
    const stored = await readFile(path).catch(() => undefined);
    if (stored !== undefined && digest(stored.subarray(32)).equals(stored.subarray(0, 32))) return stored.subarray(32);

    const made = await make();
    await mkdir(directory, { recursive: true });
    const temporaryPath = join(this.#cachePath, `${randomUUID()}.tmp`);
    try {
      await writeFile(temporaryPath, Buffer.concat([digest(made), made]));
      await rename(temporaryPath, path);
    } catch (error) {
      await rm(temporaryPath, { force: true });
      throw error;
    }
    return made;
  }
}

function gzip(bytes: Uint8Array): Buffer {
  return gzipSync(bytes, { level: GZIP_LEVEL });
}

async function compressXz(bytes: Uint8Array): Promise<Buffer> {
  const ended = await runChecked({
    argv: ["xz", "--compress", "--stdout", "--threads=1", "--check=crc32", XZ_FILTER],
    input: bytes,
    timeoutMs: XZ_TIMEOUT_MS,
    outputBytesMax: 1024 ** 3,
  });
  return ended.stdout;
}

function digest(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
