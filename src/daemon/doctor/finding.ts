import type { Config } from "../config.ts";

/** - warning: it works, but not as well, or not for others. - problem: it does not work. */
export type FindingStatus = "ok" | "warning" | "problem";

export interface Finding {
  /** What was looked at: "user namespaces". */
  readonly subject: string;
  readonly status: FindingStatus;
  /** What was seen. */
  readonly message: string;
  /** The next action, for what is not ok. */
  readonly fix?: string | undefined;
}

export interface CheckContext {
  readonly config: Config;
  readonly now: Date;
}

/** Looks at one thing. Throws nothing that a machine can be the reason of. */
export type Check = (ctx: CheckContext) => Promise<Finding[]>;

export function ok(subject: string, message: string): Finding {
  return { subject, status: "ok", message };
}

export function problem(subject: string, message: string, fix: string): Finding {
  return { subject, status: "problem", message, fix };
}

export function warning(subject: string, message: string, fix: string): Finding {
  return { subject, status: "warning", message, fix };
}
