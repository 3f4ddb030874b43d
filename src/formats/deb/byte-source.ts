import { type FileHandle, open } from "node:fs/promises";
import { invalidDeb } from "./invalid-deb.ts";

/** Something of known size that is read piece by piece. */
export interface ByteSource {
  readonly sizeBytes: number;
  /** Throws DEB_INVALID when it ends before. */
  read(offset: number, sizeBytes: number): Promise<Buffer>;
}

/** A file, for as long as `use` takes; or bytes that are in memory already. */
export async function withByteSource<T>(from: string | Uint8Array, use: (source: ByteSource) => Promise<T>): Promise<T> {
  if (typeof from !== "string") return use(sourceOfBytes(from));

  const file = await open(from, "r");
  try {
    const { size } = await file.stat();
    return await use({ sizeBytes: size, read: (offset, sizeBytes) => readFile(file, offset, sizeBytes) });
  } finally {
    await file.close();
  }
}

function sourceOfBytes(bytes: Uint8Array): ByteSource {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    sizeBytes: buffer.length,
    read: async (offset, sizeBytes) => {
      if (offset + sizeBytes > buffer.length) throw invalidDeb("it is cut off");
      return buffer.subarray(offset, offset + sizeBytes);
    },
  };
}

async function readFile(file: FileHandle, offset: number, sizeBytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(sizeBytes);
  const { bytesRead } = await file.read(buffer, 0, sizeBytes, offset);
  if (bytesRead !== sizeBytes) throw invalidDeb("it is cut off");
  return buffer;
}
