import type { LogExcerpt } from "../buildorder/index.ts";

const LINE_FEED = 10;
/** Of a line only its beginning is looked at; a "line" may have a gigabyte. */
const LINE_LENGTH_MAX = 2_000;
/** What is shown of it: lines above, all lines, and of each so much. */
const EXCERPT_LINES_ABOVE = 2;
const EXCERPT_LINES_MAX = 8;
const EXCERPT_LINE_LENGTH_MAX = 300;

/**
 * As compilers, make, dh, test suites and interpreters begin to complain; not the commands that would say so, which make
 * prints. Text of the package's own: a place to look at first, never a decision.
 */
const ERROR_LINE =
  /^(?!.*(?:\b(?:0|no) errors?\b|-Werror|\b(?:echo|printf) +["']))(?:.*?(?:: |^|\s)(?:fatal )?error(?:\[E\d+\])?: |E: |.*undefined reference to |.*: (?:command )?not found$|FAIL(?:ED)?[: ]|not ok \d|.*\*\*\* \[.*\] (?:Error|Segmentation|Killed)|make(?:\[\d+\])?: \*\*\* |Traceback \(most recent call last\)|.*Can't locate \S+ in @INC|CMake Error|dh_\w+: error: |.*No such file or directory$|.*No space left on device)/i;

/** Finds in a log, as it is written, the number of the first line that looks like an error, from `start` to `stop`. */
export class FirstError {
  #lineNumber = 1;
  #line = "";
  #isLooking = false;
  #found: number | undefined;
  #above: string[] = [];
  #excerpt: LogExcerpt | undefined;

  /** From 1. */
  get line(): number | undefined {
    return this.#found;
  }

  /** It with what stands around it, as it was printed. */
  get excerpt(): LogExcerpt | undefined {
    return this.#excerpt;
  }

  start(): void {
    this.#isLooking = true;
    this.#above = [];
  }

  stop(): void {
    this.#isLooking = false;
  }

  feed(chunk: Uint8Array): void {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      this.#take(chunk, start, end);
      this.#endLine();
      start = end + 1;
    }
    this.#take(chunk, start, chunk.length);
  }

  #take(chunk: Uint8Array, start: number, end: number): void {
    if (!this.#isLooking || this.#hasAll()) return;
    const room = LINE_LENGTH_MAX - this.#line.length;
    if (room > 0)
      this.#line += Buffer.from(chunk.buffer, chunk.byteOffset + start, Math.min(room, end - start)).toString("latin1");
  }

  #endLine(): void {
    if (this.#isLooking && !this.#hasAll()) this.#look(this.#line.trimEnd());
    this.#line = "";
    this.#lineNumber += 1;
  }

  #hasAll(): boolean {
    return this.#excerpt !== undefined && this.#excerpt.lines.length >= EXCERPT_LINES_MAX;
  }

  #look(line: string): void {
    const text = Buffer.from(line.slice(0, EXCERPT_LINE_LENGTH_MAX), "latin1").toString("utf8");
    if (this.#excerpt !== undefined) {
      this.#excerpt = { ...this.#excerpt, lines: [...this.#excerpt.lines, text] };
    } else if (ERROR_LINE.test(line)) {
      this.#found = this.#lineNumber;
      this.#excerpt = { firstLine: this.#lineNumber - this.#above.length, lines: [...this.#above, text] };
    } else {
      this.#above = [...this.#above, text].slice(-EXCERPT_LINES_ABOVE);
    }
  }
}
