import type { BuildStep, LogExcerpt } from "../buildorder/index.ts";
import { FirstError } from "./first-error.ts";

/** Where the log goes. Writes are in order and finished when the call returns, so that no reader can hold up a build. */
export interface LogSink {
  write(chunk: Uint8Array): void;
}

const LINE_FEED = 10;

/**
 * The one log of a build: output of the tools, with a heading per step and lines of our own. Bounded: beyond
 * `sizeBytesMax` tools' output is dropped and `onFull` is called once; our own lines are few and always written.
 */
export class BuildLog {
  readonly #sink: LogSink;
  readonly #sizeBytesMax: number;
  readonly #onFull: () => void;
  readonly #onLost: (error: unknown) => void;
  #sizeBytes = 0;
  #isFull = false;
  #isLost = false;
  #isAtLineStart = true;
  readonly #firstError = new FirstError();

  constructor(options: {
    readonly sink: LogSink;
    readonly sizeBytesMax: number;
    readonly onFull: () => void;
    /** The sink threw (a full disk): nothing more is written. */
    readonly onLost: (error: unknown) => void;
  }) {
    this.#sink = options.sink;
    this.#sizeBytesMax = options.sizeBytesMax;
    this.#onFull = options.onFull;
    this.#onLost = options.onLost;
  }

  /** The first line, from 1, of step build that looks like an error. */
  get firstErrorLine(): number | undefined {
    return this.#firstError.line;
  }

  get firstErrorExcerpt(): LogExcerpt | undefined {
    return this.#firstError.excerpt;
  }

  output(chunk: Uint8Array): void {
    if (this.#isFull) return;

    const room = this.#sizeBytesMax - this.#sizeBytes;
    this.#write(chunk.length <= room ? chunk : chunk.subarray(0, room));
    if (chunk.length <= room) return;

    this.#isFull = true;
    this.#onFull();
  }

  line(text: string): void {
    const prefix = this.#isAtLineStart ? "" : "\n";
    this.#write(Buffer.from(`${prefix}${text.replaceAll(/[\r\n]+/g, " ")}\n`));
  }

  heading(step: BuildStep, at: Date): void {
    this.line(`=== mini-buildd: ${step} === ${at.toISOString()}`);
    if (step === "build") this.#firstError.start();
    else this.#firstError.stop();
  }

  #write(chunk: Uint8Array): void {
    if (chunk.length === 0 || this.#isLost) return;
    try {
      this.#sink.write(chunk);
    } catch (error) {
      this.#isLost = true;
      this.#onLost(error);
      return;
    }
    this.#sizeBytes += chunk.length;
    this.#firstError.feed(chunk);
    this.#isAtLineStart = chunk.at(-1) === LINE_FEED;
  }
}
