import type { LogFilter, LogLevel, LogLine, ModuleLevel } from "../runtime/index.ts";

/** The program's own log; `daemon` makes it. */
export interface LogActs {
  /** Those that lines can be of. */
  readonly modules: readonly string[];
  levels(): readonly ModuleLevel[];
  /** Until the next start. undefined: as configured; of all modules without a level of their own, or of one. Throws LOG_MODULE_UNKNOWN. */
  setLevel(level: LogLevel | undefined, module: string | undefined): void;
  /** Oldest first. Throws LOG_NOT_KEPT. */
  newest(filter: LogFilter, countMax: number): Promise<readonly LogLine[]>;
  /** From now on, until the signal aborts. Throws LOG_NOT_KEPT. */
  follow(filter: LogFilter, signal: AbortSignal): AsyncIterable<LogLine>;
}
