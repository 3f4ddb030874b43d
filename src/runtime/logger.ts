import { pino } from "pino";
import { errorChain } from "./errors.ts";
import { type LogLevel, LogLevels } from "./log-levels.ts";

export type LogFields = Readonly<Record<string, unknown>>;

/** Static message plus fields, so that lines can be grouped. One line per fact. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The field `module` also says whose level counts. */
  child(fields: LogFields): Logger;
}

export interface LoggerOptions {
  /** Gets each line that is logged, beside standard error. */
  readonly keep?: ((line: string) => void) | undefined;
}

/** Lines of what says no module. */
export const DEFAULT_LOG_MODULE = "daemon";

/** A logger that writes JSON lines to standard error. */
export function createLogger(level: LogLevel | LogLevels, { keep }: LoggerOptions = {}): Logger {
  const standardError = pino.destination({ dest: 2, sync: true });
  const write = (line: string): void => {
    standardError.write(line);
    keep?.(line.trimEnd());
  };
  const format = { level: (label: string) => ({ level: label }) };
  const inner = pino(
    { level: "debug", base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: format },
    keep === undefined ? standardError : { write },
  );
  const levels = typeof level === "string" ? new LogLevels({ level }) : level;
  return wrap(inner, { levels, module: undefined });
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLogger };

interface Gate {
  readonly levels: LogLevels;
  readonly module: string | undefined;
}

function wrap(inner: pino.Logger, gate: Gate): Logger {
  const { levels, module } = gate;
  const log = (level: Exclude<LogLevel, "silent">, message: string, fields: LogFields = {}): void => {
    if (levels.allows(level, module ?? DEFAULT_LOG_MODULE)) inner[level]({ module, ...expandErrors(fields) }, message);
  };
  return {
    debug: (message, fields) => log("debug", message, fields),
    info: (message, fields) => log("info", message, fields),
    warn: (message, fields) => log("warn", message, fields),
    error: (message, fields) => log("error", message, fields),
    child: ({ module: its, ...fields }) =>
      wrap(inner.child(expandErrors(fields)), { levels, module: typeof its === "string" ? its : module }),
  };
}

/** `error` fields are printed as their whole chain, with the stack of the innermost. */
function expandErrors(fields: LogFields): Record<string, unknown> {
  const { error, ...rest } = fields;
  if (error === undefined) return rest;

  const innermost = innermostError(error);
  return { ...rest, error: errorChain(error), stack: innermost instanceof Error ? innermost.stack : undefined };
}

function innermostError(error: unknown): unknown {
  let current = error;
  while (current instanceof Error && current.cause !== undefined) current = current.cause;
  return current;
}
