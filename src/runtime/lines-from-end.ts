import { open } from "node:fs/promises";

const CHUNK_BYTES = 64 * 1024;
const LINE_END = 0x0a;

/**
 * The lines of files, from the last one of the first file backwards; files that are not there count as empty. What is
 * appended meanwhile is not seen.
 */
export async function* linesFromEnd(paths: readonly string[]): AsyncGenerator<string> {
  for (const path of paths) yield* linesOfFile(path);
}

async function* linesOfFile(path: string): AsyncGenerator<string> {
  const handle = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (handle === undefined) return;

  try {
    let position = (await handle.stat()).size;
    // Pieces of the line whose beginning has not been read yet, in their order.
    let pieces: Buffer[] = [];
    while (position > 0) {
      const length = Math.min(CHUNK_BYTES, position);
      position -= length;
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
      const found = splitFromEnd(buffer.subarray(0, bytesRead), pieces);
      yield* found.lines;
      pieces = found.pieces;
    }
    yield* nonEmpty(pieces);
  } finally {
    await handle.close();
  }
}

/** The whole lines of what comes before `after`, last one first, and the pieces of the line that begins before it. */
function splitFromEnd(chunk: Buffer, after: readonly Buffer[]): { readonly lines: string[]; readonly pieces: Buffer[] } {
  const lines: string[] = [];
  let pieces = [...after];
  let end = chunk.length;
  for (let at = chunk.lastIndexOf(LINE_END); at >= 0; at = at === 0 ? -1 : chunk.lastIndexOf(LINE_END, at - 1)) {
    lines.push(...nonEmpty([chunk.subarray(at + 1, end), ...pieces]));
    pieces = [];
    end = at;
  }
  return { lines, pieces: [chunk.subarray(0, end), ...pieces] };
}

function nonEmpty(pieces: readonly Buffer[]): string[] {
  const line = Buffer.concat(pieces).toString("utf8");
  return line === "" ? [] : [line];
}
