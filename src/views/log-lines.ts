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

/** The last lines of what is written of a log. Reads all of it, and keeps these. */
export async function readLastLogLines(
  source: BuildLogSource,
  { linesMax, signal }: { readonly linesMax: number; readonly signal?: AbortSignal },
): Promise<LogWindow> {
  const collector = new LineCollector(1, linesMax, { keeps: "last" });
  for await (const piece of readBuildLog(source, { offsetBytes: 0, follow: false, signal })) collector.feed(piece.bytes);
  return collector.end();
}

class LineCollector {
  readonly #keepsLast: boolean;
  #firstLine: number;
  readonly #linesMax: number;
  #lines: Buffer[] = [];
  #number = 1;
  #line: Buffer[] = [];
  #lineSizeBytes = 0;
  #hasMore = false;

  constructor(firstLine: number, linesMax: number, options: { keeps: "first" | "last" } = { keeps: "first" }) {
    this.#firstLine = firstLine;
    this.#linesMax = linesMax;
    this.#keepsLast = options.keeps === "last";
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
    this.#forgetFirst(this.#linesMax);
    return { firstLine: this.#firstLine, lines: this.#lines, hasMore: this.#hasMore };
  }

  #take(part: Buffer): void {
    if (this.#number < this.#firstLine) return;
    if (this.#lines.length >= this.#linesMax && !this.#keepsLast) {
      this.#hasMore = true;
      return;
    }
    const room = LINE_SIZE_BYTES_MAX - this.#lineSizeBytes;
    if (room > 0) this.#line.push(Buffer.from(part.subarray(0, room)));
    this.#lineSizeBytes += part.length;
  }

  #endLine(): void {
    const isWanted = this.#keepsLast || this.#lines.length < this.#linesMax;
    if (this.#number >= this.#firstLine && isWanted) this.#lines.push(Buffer.concat(this.#line));
    // Not line by line: an array is copied for it.
    if (this.#lines.length >= 2 * this.#linesMax) this.#forgetFirst(this.#linesMax);
    this.#line = [];
    this.#lineSizeBytes = 0;
    this.#number += 1;
  }

  #forgetFirst(countMax: number): void {
    const surplus = this.#lines.length - countMax;
    if (surplus <= 0) return;
    this.#lines = this.#lines.slice(surplus);
    this.#firstLine += surplus;
  }
}
