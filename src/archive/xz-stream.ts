import { crc32 } from "node:zlib";
import { assert } from "../runtime/index.ts";

/** One block taken out of an .xz stream. */
export interface XzBlock {
  /** Header, data, padding and check: a multiple of four bytes. */
  readonly bytes: Uint8Array;
  readonly unpaddedSizeBytes: number;
  readonly uncompressedSizeBytes: number;
}

const STREAM_HEADER_BYTES = 12;
const STREAM_FOOTER_BYTES = 12;
const HEADER_MAGIC = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]);
const FOOTER_MAGIC = Buffer.from("YZ");
/** CRC32 for each block: Release has the real checksums. `xz --check=crc32` must be used for every block. */
const STREAM_FLAGS = Buffer.from([0x00, 0x01]);

/**
 * apt does not read concatenated .xz streams, but one stream may have any number of blocks that know nothing of each
 * other. So blocks compressed apart are joined into one stream, with an index and a footer of our own.
 * (The .xz file format, version 1.2.1, sections 2 and 4.)
 */
export function joinXzBlocks(blocks: readonly XzBlock[]): Buffer {
  return Buffer.concat(xzStreamPieces(blocks));
}

/** The same in pieces: header, each block, index with footer. */
export function xzStreamPieces(blocks: readonly XzBlock[]): Uint8Array[] {
  const index = formatIndex(blocks);
  const header = Buffer.concat([HEADER_MAGIC, STREAM_FLAGS, checksum(STREAM_FLAGS)]);
  const backward = Buffer.concat([uint32(index.length / 4 - 1), STREAM_FLAGS]);
  const footer = Buffer.concat([checksum(backward), backward, FOOTER_MAGIC]);
  return [header, ...blocks.map(({ bytes }) => bytes), Buffer.concat([index, footer])];
}

/** The blocks of what `xz --check=crc32 --block-list=…` made of inputs of these sizes. Copies: the stream can go. */
export function takeXzBlocks(stream: Buffer, sizes: readonly number[]): XzBlock[] {
  assert(stream.subarray(6, 8).equals(STREAM_FLAGS), "the xz stream does not use CRC32");
  const footerAt = stream.length - STREAM_FOOTER_BYTES;
  const indexBytes = (stream.readUInt32LE(footerAt + 4) + 1) * 4;
  const index = stream.subarray(footerAt - indexBytes, footerAt);

  const count = readNumber(index, 1);
  assert(count.value === sizes.length, `xz made ${count.value} blocks of ${sizes.length} chunks`);
  const blocks: XzBlock[] = [];
  let next = count.next;
  let at = STREAM_HEADER_BYTES;
  for (const size of sizes) {
    const unpadded = readNumber(index, next);
    const uncompressed = readNumber(index, unpadded.next);
    assert(uncompressed.value === size, `xz made a block of ${uncompressed.value} bytes of a chunk of ${size}`);
    const paddedBytes = Math.ceil(unpadded.value / 4) * 4;
    const bytes = Buffer.from(stream.subarray(at, at + paddedBytes));
    blocks.push({ bytes, unpaddedSizeBytes: unpadded.value, uncompressedSizeBytes: size });
    at += paddedBytes;
    next = uncompressed.next;
  }
  assert(at === footerAt - indexBytes, "the blocks of an xz stream do not end at its index");
  return blocks;
}

function formatIndex(blocks: readonly XzBlock[]): Buffer {
  const numbers = blocks.flatMap((block) => [block.unpaddedSizeBytes, block.uncompressedSizeBytes]);
  const records = Buffer.concat([Buffer.from([0x00]), ...[blocks.length, ...numbers].map(formatNumber)]);
  const padded = Buffer.concat([records, Buffer.alloc((4 - (records.length % 4)) % 4)]);
  return Buffer.concat([padded, checksum(padded)]);
}

/** Section 1.2: seven bits a byte, the lowest first. */
function formatNumber(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Buffer.from([...bytes, rest]);
}

function readNumber(bytes: Buffer, from: number): { value: number; next: number } {
  let value = 0;
  let factor = 1;
  for (let at = from; at < bytes.length && at < from + 9; at += 1) {
    const byte = bytes[at] ?? 0;
    value += (byte & 0x7f) * factor;
    factor *= 0x80;
    if (byte < 0x80) return { value, next: at + 1 };
  }
  assert(false, "the xz index is cut off");
}

function checksum(bytes: Uint8Array): Buffer {
  return uint32(crc32(bytes));
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
