import { type AppError, asAppError } from "../runtime/index.ts";

const DELAY_MS_MIN = 1_000;
const DELAY_MS_MAX = 5 * 60 * 1_000;

export type FailureOutcome =
  | { readonly type: "retry"; readonly delayMs: number; readonly error: AppError }
  | { readonly type: "failed"; readonly error: AppError };

export interface Failure {
  readonly thrown: unknown;
  /** 1 for the first. */
  readonly attempt: number;
  readonly attemptsMax: number;
  /** 0 ≤ random < 1. */
  readonly random: () => number;
}

/** Only what the world may mend by itself (`unavailable`) is tried again, and not for ever. */
export function judgeFailure(failure: Failure): FailureOutcome {
  const error = asAppError(failure.thrown);
  if (error.kind !== "unavailable" || failure.attempt >= failure.attemptsMax) return { type: "failed", error };
  return { type: "retry", delayMs: retryDelayMs(failure.attempt, failure.random), error };
}

/** Doubling from one second to five minutes, the upper half of it by chance, so that what failed together does not return together. */
export function retryDelayMs(attempt: number, random: () => number): number {
  const fullMs = Math.min(DELAY_MS_MAX, DELAY_MS_MIN * 2 ** Math.min(attempt - 1, 30));
  return Math.round(fullMs * (0.5 + random() / 2));
}
