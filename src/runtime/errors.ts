/**
 * The one error class of the program. The kind decides what the edges (http, cli, queue, incoming) do;
 * they hold the only mappings. See docs/reference/errors.md for every code.
 */
export type ErrorKind = "invalid" | "unauthenticated" | "forbidden" | "not-found" | "conflict" | "unavailable" | "bug";

export type ErrorFacts = Readonly<Record<string, unknown>>;

export interface AppErrorInit {
  readonly kind: ErrorKind;
  /** Stable, upper case, has a row in docs/reference/errors.md. */
  readonly code: string;
  /** What happened, on which object, observed and expected; no trailing dot. Shown to users. */
  readonly message: string;
  /** The next action. Shown to users. */
  readonly hint?: string | undefined;
  /** For operators only. */
  readonly facts?: ErrorFacts | undefined;
  readonly cause?: unknown;
}

export class AppError extends Error {
  override readonly name = "AppError";
  readonly kind: ErrorKind;
  readonly code: string;
  readonly hint: string | undefined;
  readonly facts: ErrorFacts;

  constructor(init: AppErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.kind = init.kind;
    this.code = init.code;
    this.hint = init.hint;
    this.facts = init.facts ?? {};
  }
}

/** Anything thrown, as an AppError: what is none is a bug of ours. */
export function asAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;

  return new AppError({
    kind: "bug",
    code: "INTERNAL",
    message: "an internal error occurred",
    hint: "Look at the daemon's log for the cause, and report it",
    cause: thrown,
  });
}

/** For what only a bug can break, never for input. */
export function assert(condition: unknown, message: string): asserts condition {
  if (condition) return;

  throw new AppError({ kind: "bug", code: "INTERNAL", message });
}

/** The messages of an error and its causes, outermost first. */
export function errorChain(thrown: unknown): string[] {
  const messages: string[] = [];
  let current: unknown = thrown;
  while (current !== undefined && messages.length < 10) {
    messages.push(current instanceof Error ? current.message : typeof current === "string" ? current : JSON.stringify(current));
    current = current instanceof Error ? current.cause : undefined;
  }
  return messages;
}
