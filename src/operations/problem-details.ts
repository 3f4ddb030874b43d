/** How every interface says that it did not work: RFC 9457 with our stable code and the next action. */
export interface ProblemDetails {
  readonly type: string;
  readonly status: number;
  readonly title: string;
  /** What happened. */
  readonly detail: string;
  readonly instance: string;
  /** See docs/reference/errors.md. */
  readonly code: string;
  /** What to do. */
  readonly hint?: string;
}
