import { type BuildResult, buildFailure } from "../buildorder/index.ts";
import { type DependencyWait, planWait } from "./dependency-wait.ts";
import type { FarmLimits } from "./farm-context.ts";

/** What happened to a build. */
export type BuildOutcome =
  | { readonly type: "leased"; readonly builder: string; readonly expiresAt: Date }
  | { readonly type: "ended"; readonly result: BuildResult }
  | { readonly type: "cancelled"; readonly by: string }
  | { readonly type: "lost"; readonly reason: string };

export interface RetryPlan {
  /** As given, or what it amounts to: the last allowed loss is a result. */
  readonly outcome: BuildOutcome;
  /** When the next attempt may start; undefined: there is none. */
  readonly retryDelayMs: number | undefined;
  /** Set when it waits for build dependencies until then. */
  readonly wait?: DependencyWait | undefined;
}

export interface BuildHistory {
  /** 1 for the first one that counts. */
  readonly attempt: number;
  /** Earlier attempts lost. */
  readonly losses: number;
  /** What this attempt had waited for. */
  readonly wait: DependencyWait | undefined;
  readonly now: Date;
}

/** Whether an architecture is tried again after an outcome of its newest attempt. */
export function planRetry(limits: FarmLimits, given: BuildOutcome, history: BuildHistory): RetryPlan {
  if (given.type === "lost") return planAfterLoss(limits, given.reason, history.losses + 1);
  if (given.type === "ended" && given.result.status === "dependencies-missing") {
    const plan = planWait(limits, given.result, history);
    if ("wait" in plan) return { outcome: given, ...plan };
    return { outcome: { type: "ended", result: plan.result }, retryDelayMs: undefined };
  }
  if (given.type !== "ended" || given.result.status !== "environment-failed") return { outcome: given, retryDelayMs: undefined };

  // A lost builder is not the fault of what it worked on: it costs no attempt.
  const attemptsUsed = history.attempt - history.losses;
  if (attemptsUsed >= limits.buildAttemptsMax) return { outcome: given, retryDelayMs: undefined };
  const delayMs = limits.buildRetryDelayMs * 2 ** (attemptsUsed - 1);
  return { outcome: given, retryDelayMs: Math.min(delayMs, limits.buildRetryDelayMsMax) };
}

function planAfterLoss(limits: FarmLimits, reason: string, losses: number): RetryPlan {
  if (losses < limits.buildLossesMax) return { outcome: { type: "lost", reason }, retryDelayMs: 0 };

  const endReason = `${reason} (lost ${losses} times, limit buildLossesMax)`;
  const failure = buildFailure("ours");
  return {
    outcome: { type: "ended", result: { status: "environment-failed", reason: endReason, failure, files: [], checks: [] } },
    retryDelayMs: undefined,
  };
}

export function reasonOf(outcome: BuildOutcome): string | undefined {
  switch (outcome.type) {
    case "leased":
      return undefined;
    case "ended":
      return outcome.result.reason;
    case "cancelled":
      return `cancelled by ${outcome.by}`;
    case "lost":
      return outcome.reason;
  }
}
