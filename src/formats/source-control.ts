import { createReadStream } from "node:fs";
import { AppError, defaultLimits } from "../runtime/index.ts";
import { decompress } from "./deb/decompress.ts";
import { readTar } from "./deb/tar.ts";
import { type Dsc, sourceFileKind } from "./dsc.ts";
import { decodeUtf8 } from "./utf8.ts";

/** It may hold one file of that size, which is read into memory. Larger ones are native packages with much upstream in them. */
const UNPACKED_BYTES_MAX = 64 * 1024 ** 2;

/**
 * The text of debian/control, read out of a source package's tarball without unpacking it. Undefined where it cannot be had
 * so: in a format 1.0 with a diff, a large archive, or one in a form that we do not read. `pathOf` a file of the .dsc.
 */
export async function readSourceControl(dsc: Dsc, pathOf: (name: string) => string): Promise<string | undefined> {
  const tarball = dsc.files.find(({ name }) => ["debian", "native"].includes(sourceFileKind(name) ?? ""));
  if (tarball === undefined) return undefined;

  const isControl = (path: string): boolean => /^(?:[^/]+\/)?debian\/control$/.test(path);
  const suffix = /\.(?:gz|bz2|xz|lzma)$/.exec(tarball.name)?.[0] ?? "";
  const unpacking = { suffix, outputBytesMax: UNPACKED_BYTES_MAX, ratioMax: defaultLimits.debCompressionRatioMax };
  try {
    const input = createReadStream(pathOf(tarball.name)) as AsyncIterable<Buffer>;
    for await (const { content } of readTar(decompress(input, unpacking), { keeps: isControl })) {
      if (content !== undefined) return decodeUtf8(content, "debian/control");
    }
    return undefined;
  } catch (error) {
    if (error instanceof AppError && error.kind === "invalid") return undefined;
    throw error;
  }
}
