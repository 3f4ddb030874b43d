import { pino } from "pino";
import { errorChain } from "./errors.ts";

export type LogFields = Readonly<Record<string, unknown>>;

/** Static message plus fields, so that lines can be grouped. One line per fact. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  child(fields: LogFields): Logger;
}

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** A logger that writes JSON lines to standard error. */
export function createLogger(level: LogLevel): Logger {
  const destination = pino.destination({ dest: 2, sync: true });
  return wrap(
    pino(
      { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
      destination,
    ),
  );
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLogger };

function wrap(inner: pino.Logger): Logger {
  const prepare = (fields: LogFields | undefined): LogFields => expandErrors(fields ?? {});
  return {
    debug: (message, fields) => inner.debug(prepare(fields), message),
    info: (message, fields) => inner.info(prepare(fields), message),
    warn: (message, fields) => inner.warn(prepare(fields), message),
    error: (message, fields) => inner.error(prepare(fields), message),
    child: (fields) => wrap(inner.child(expandErrors(fields))),
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
