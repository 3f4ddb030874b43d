import { type BuildLogSource, readBuildLog } from "./build-log.ts";

export interface LogWindow {
  /** Number of the first line shown, from 1. */
  readonly firstLine: number;
  /** With the terminal sequences that they came with: see `styledLine`. */
  readonly lines: readonly Uint8Array[];
  /** There are more behind them. */
  readonly hasMore: boolean;
}

const LINE_FEED = 10;
/** A longer line is cut: it would be a page of its own. */
export const LINE_SIZE_BYTES_MAX = 16 * 1024;

/**
 * So many lines of a log from one on, as far as it is written. Reads the log from its start, a piece at a time: nothing
 * of it is kept but what is returned.
 */
export async function readLogLines(
  source: BuildLogSource,
  { firstLine, linesMax, signal }: { readonly firstLine: number; readonly linesMax: number; readonly signal?: AbortSignal },
): Promise<LogWindow> {
  const collector = new LineCollector(firstLine, linesMax);
  for await (const piece of readBuildLog(source, { offsetBytes: 0, follow: false, signal })) {
    collector.feed(piece.bytes);
    if (collector.isFull) break;
  }
  return collector.end();
}

class LineCollector {
  readonly #firstLine: number;
  readonly #linesMax: number;
  readonly #lines: Buffer[] = [];
  #number = 1;
  #line: Buffer[] = [];
  #lineSizeBytes = 0;
  #hasMore = false;

  constructor(firstLine: number, linesMax: number) {
    this.#firstLine = firstLine;
    this.#linesMax = linesMax;
  }

  get isFull(): boolean {
    return this.#hasMore;
  }

  feed(bytes: Buffer): void {
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
      this.#take(bytes.subarray(start, end));
      this.#endLine();
      start = end + 1;
    }
    if (start < bytes.length) this.#take(bytes.subarray(start));
  }

  end(): LogWindow {
    if (this.#lineSizeBytes > 0) this.#endLine();
    return { firstLine: this.#firstLine, lines: this.#lines, hasMore: this.#hasMore };
  }

  #take(part: Buffer): void {
    if (this.#number < this.#firstLine) return;
    if (this.#lines.length >= this.#linesMax) {
      this.#hasMore = true;
      return;
    }
    const room = LINE_SIZE_BYTES_MAX - this.#lineSizeBytes;
    if (room > 0) this.#line.push(Buffer.from(part.subarray(0, room)));
    this.#lineSizeBytes += part.length;
  }

  #endLine(): void {
    if (this.#number >= this.#firstLine && this.#lines.length < this.#linesMax) this.#lines.push(Buffer.concat(this.#line));
    this.#line = [];
    this.#lineSizeBytes = 0;
    this.#number += 1;
  }
}
