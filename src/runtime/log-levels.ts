import { AppError } from "./errors.ts";

/** From all to nothing. */
export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface ConfiguredLevels {
  readonly level: LogLevel;
  /** Of modules that differ. */
  readonly modules?: Readonly<Record<string, LogLevel>> | undefined;
}

export interface ModuleLevel {
  /** null: all that have no level of their own. */
  readonly module: string | null;
  readonly level: LogLevel;
  readonly isConfigured: boolean;
}

/** Which lines are logged: at one level, but for modules that have their own. Can be changed while the program runs. */
export class LogLevels {
  readonly #configured: ConfiguredLevels;
  #level: LogLevel;
  readonly #ofModules: Map<string, LogLevel>;

  constructor(configured: ConfiguredLevels) {
    this.#configured = configured;
    this.#level = configured.level;
    this.#ofModules = new Map(Object.entries(configured.modules ?? {}));
  }

  allows(level: LogLevel, module: string): boolean {
    return isAtLeast(level, this.#ofModules.get(module) ?? this.#level);
  }

  /** Of one module, or of all that have none of their own. undefined: as it is configured. */
  set(level: LogLevel | undefined, module: string | undefined): void {
    if (module === undefined) this.#level = level ?? this.#configured.level;
    else {
      const wanted = level ?? this.#configured.modules?.[module];
      if (wanted === undefined) this.#ofModules.delete(module);
      else this.#ofModules.set(module, wanted);
    }
  }

  list(): ModuleLevel[] {
    const { level, modules = {} } = this.#configured;
    const own = [...this.#ofModules].map(([module, its]) => ({ module, level: its, isConfigured: modules[module] === its }));
    return [{ module: null, level: this.#level, isConfigured: this.#level === level }, ...own];
  }
}

export function isAtLeast(level: LogLevel, least: LogLevel): boolean {
  return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(least);
}

/** Throws LOG_LEVEL_UNKNOWN (invalid). */
export function parseLogLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((each) => each === text);
  if (level !== undefined) return level;

  throw new AppError({
    kind: "invalid",
    code: "LOG_LEVEL_UNKNOWN",
    message: `${JSON.stringify(text.slice(0, 100))} is no level of the log`,
    hint: `Levels are: ${LOG_LEVELS.join(", ")}`,
  });
}
