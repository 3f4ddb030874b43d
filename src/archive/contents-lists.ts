import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { DebFile } from "../formats/index.ts";

/** Shorter lists are stored as they are. */
const COMPRESSED_FROM_BYTES = 512;
const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** What a .deb has in Contents, for the table binary_package_paths: its paths in order, directories not among them. */
export function formatPathList(files: readonly DebFile[]): Buffer {
  const paths = files.filter(({ type }) => type !== "directory").map(({ path }) => path);
  const text = Buffer.from(
    [...new Set(paths)]
      .sort()
      .map((path) => `${path}\n`)
      .join(""),
  );
  return text.length < COMPRESSED_FROM_BYTES ? text : zstdCompressSync(text);
}

export function parsePathList(stored: Uint8Array): string[] {
  const isCompressed = ZSTD_MAGIC.equals(stored.subarray(0, ZSTD_MAGIC.length));
  const text = Buffer.from(isCompressed ? zstdDecompressSync(stored) : stored).toString("utf8");
  return text === "" ? [] : text.slice(0, -1).split("\n");
}
