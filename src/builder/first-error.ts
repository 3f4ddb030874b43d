const LINE_FEED = 10;
/** Of a line only its beginning is looked at; a "line" may have a gigabyte. */
const LINE_LENGTH_MAX = 2_000;

/**
 * As compilers, make, dh, test suites and interpreters begin to complain. Text of the package's own: a place to look at
 * first, never a decision.
 */
const ERROR_LINE =
  /^(?!.*(?:\b(?:0|no) errors?\b|-Werror))(?:.*?(?:: |^|\s)(?:fatal )?error(?:\[E\d+\])?: |E: |.*undefined reference to |.*: (?:command )?not found$|FAIL(?:ED)?[: ]|not ok \d|.*\*\*\* \[.*\] (?:Error|Segmentation|Killed)|make(?:\[\d+\])?: \*\*\* |Traceback \(most recent call last\)|.*Can't locate \S+ in @INC|CMake Error|dh_\w+: error: |.*No such file or directory$|.*No space left on device)/i;

/** Finds in a log, as it is written, the number of the first line that looks like an error, from `start` to `stop`. */
export class FirstError {
  #lineNumber = 1;
  #line = "";
  #isLooking = false;
  #found: number | undefined;

  /** From 1. */
  get line(): number | undefined {
    return this.#found;
  }

  start(): void {
    this.#isLooking = true;
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
    if (!this.#isLooking || this.#found !== undefined) return;
    const room = LINE_LENGTH_MAX - this.#line.length;
    if (room > 0)
      this.#line += Buffer.from(chunk.buffer, chunk.byteOffset + start, Math.min(room, end - start)).toString("latin1");
  }

  #endLine(): void {
    if (this.#isLooking && this.#found === undefined && ERROR_LINE.test(this.#line.trimEnd())) this.#found = this.#lineNumber;
    this.#line = "";
    this.#lineNumber += 1;
  }
}
