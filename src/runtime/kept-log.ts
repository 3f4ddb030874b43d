import { linesFromEnd } from "./lines-from-end.ts";
import { isAtLeast, LOG_LEVELS, type LogLevel } from "./log-levels.ts";
import { DEFAULT_LOG_MODULE } from "./logger.ts";
import { RotatedFile, type RotatedFileOptions } from "./rotated-file.ts";

export interface LogLine {
  /** ISO 8601. */
  readonly time: string;
  readonly level: LogLevel;
  readonly module: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface LogFilter {
  /** This level and graver ones. */
  readonly level?: LogLevel | undefined;
  readonly module?: string | undefined;
  /** Somewhere in the line, in any case. */
  readonly text?: string | undefined;
}

/** Whoever looks for something rare gets what is in the newest of them. */
const LOOKED_AT_MAX = 50_000;
/** A reader that takes nothing loses lines beyond these. */
const WAITING_MAX = 1_000;

/** The log of the program itself, kept in files so that it can be looked at, and followed while it grows. */
export class KeptLog {
  readonly #file: RotatedFile;
  readonly #followers = new Set<(line: LogLine) => void>();

  constructor(options: RotatedFileOptions) {
    this.#file = new RotatedFile(options);
  }

  start(): void {
    this.#file.start();
  }

  /** A line as the logger writes it. */
  append(text: string): void {
    this.#file.append(text);
    if (this.#followers.size === 0) return;

    const line = parseLine(text);
    for (const follow of this.#followers) follow(line);
  }

  flush(): Promise<void> {
    return this.#file.flush();
  }

  /** The newest ones that fit, oldest first. */
  async newest(filter: LogFilter, countMax: number): Promise<LogLine[]> {
    await this.flush();
    const found: LogLine[] = [];
    let lookedAt = 0;
    for await (const text of linesFromEnd(this.#file.paths)) {
      const line = parseLine(text);
      if (fits(line, text, filter)) found.push(line);
      lookedAt += 1;
      if (found.length >= countMax || lookedAt >= LOOKED_AT_MAX) break;
    }
    return found.toReversed();
  }

  /** Lines that fit, as they are logged from now on, until the signal aborts. */
  async *follow(filter: LogFilter, signal: AbortSignal): AsyncGenerator<LogLine> {
    let waiting: LogLine[] = [];
    let wake: () => void = () => {};
    const take = (line: LogLine): void => {
      if (!fits(line, JSON.stringify(line), filter) || waiting.length >= WAITING_MAX) return;
      waiting.push(line);
      wake();
    };
    const stop = (): void => wake();
    this.#followers.add(take);
    signal.addEventListener("abort", stop);
    try {
      while (!signal.aborted) {
        if (waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve));
        const lines = waiting;
        waiting = [];
        yield* lines;
      }
    } finally {
      this.#followers.delete(take);
      signal.removeEventListener("abort", stop);
    }
  }
}

function fits(line: LogLine, text: string, { level, module, text: wanted }: LogFilter): boolean {
  return (
    (level === undefined || isAtLeast(line.level, level)) &&
    (module === undefined || line.module === module) &&
    (wanted === undefined || text.toLowerCase().includes(wanted.toLowerCase()))
  );
}

/** Lines that are none of ours, or were cut off, are shown as they are. */
function parseLine(text: string): LogLine {
  const { time, level, module, msg, ...fields } = parseObject(text) ?? { msg: text };
  return {
    time: typeof time === "string" ? time : "",
    level: LOG_LEVELS.find((each) => each === level) ?? "error",
    module: typeof module === "string" ? module : DEFAULT_LOG_MODULE,
    message: typeof msg === "string" ? msg : "",
    fields,
  };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
