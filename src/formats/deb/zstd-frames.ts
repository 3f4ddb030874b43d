import { ByteReader } from "./byte-reader.ts";
import { invalidDeb } from "./invalid-deb.ts";

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
const RLE_BLOCK = 1;
const RESERVED_BLOCK = 3;

/**
 * The pieces of a zstd stream (RFC 8878), cut so that none reaches over the end of a frame. node:zlib drops what
 * follows a frame's end in the same piece, without an error: a package of several frames would lose files. Throws
 * DEB_INVALID when the frames are not well formed.
 */
export async function* cutAtFrames(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const reader = new ByteReader(input);
  try {
    for (let magic = await reader.read(4); magic !== undefined; magic = await reader.read(4)) {
      const number = magic.readUInt32LE();
      if (number === FRAME_MAGIC) yield* copyFrame(reader, magic);
      // The lowest four bits of a skippable frame's magic are its user's.
      else if ((number & 0xfffffff0) === SKIPPABLE_MAGIC) await reader.skip((await need(reader, 4)).readUInt32LE());
      else throw invalidDeb("its data cannot be decompressed as .zst");
    }
  } finally {
    await reader.close();
  }
}

async function* copyFrame(reader: ByteReader, magic: Buffer): AsyncGenerator<Buffer> {
  const descriptor = (await need(reader, 1)).readUInt8();
  yield Buffer.concat([magic, Buffer.from([descriptor]), await need(reader, headerRest(descriptor))]);

  let isLast = false;
  while (!isLast) {
    const header = await need(reader, 3);
    const bits = header.readUIntLE(0, 3);
    const type = (bits >> 1) & 3;
    if (type === RESERVED_BLOCK) throw invalidDeb("its data cannot be decompressed as .zst");
    isLast = (bits & 1) === 1;
    yield Buffer.concat([header, await need(reader, type === RLE_BLOCK ? 1 : bits >> 3)]);
  }

  const hasChecksum = (descriptor & 4) !== 0;
  if (hasChecksum) yield await need(reader, 4);
}

/** Bytes of the frame header that follow its descriptor. */
function headerRest(descriptor: number): number {
  const isSingleSegment = (descriptor & 32) !== 0;
  const contentSizeFlag = descriptor >> 6;
  const contentSizeBytes = contentSizeFlag === 0 && isSingleSegment ? 1 : (CONTENT_SIZE_BYTES[contentSizeFlag] ?? 0);
  return (isSingleSegment ? 0 : 1) + (DICTIONARY_ID_BYTES[descriptor & 3] ?? 0) + contentSizeBytes;
}

async function need(reader: ByteReader, sizeBytes: number): Promise<Buffer> {
  if (sizeBytes === 0) return Buffer.alloc(0);
  const bytes = await reader.read(sizeBytes);
  if (bytes === undefined) throw invalidDeb("an archive in it is cut off");
  return bytes;
}
