/** A reason to refuse an upload or a configuration. Checks return all of theirs, so that people see them at once. */
export interface Problem {
  /** Stable, upper case, has a row in docs/reference/errors/. */
  readonly code: string;
  /** What was observed, on which object, and what was expected; no trailing dot. */
  readonly message: string;
  /** The next action. */
  readonly hint?: string | undefined;
}
