import { expect, test } from "vitest";
import { type BuildOutcome, planRetry } from "./retry-plan.ts";

const limits = {
  buildLeaseMs: 1,
  diskReserveBytes: 0,
  buildAttemptsMax: 4,
  buildLossesMax: 3,
  buildRetryDelayMs: 1_000,
  buildRetryDelayMsMax: 3_000,
};
const environmentFailed: BuildOutcome = {
  type: "ended",
  result: { status: "environment-failed", reason: "mirror away", files: [], checks: [] },
};

function delay(outcome: BuildOutcome, attempt: number, losses = 0): number | undefined {
  return planRetry(limits, outcome, { attempt, losses }).retryDelayMs;
}

test("the delay doubles up to its limit, and the last attempt is the last", () => {
  expect([1, 2, 3, 4].map((attempt) => delay(environmentFailed, attempt))).toEqual([1_000, 2_000, 3_000, undefined]);
});

test("losses do not count as attempts", () => {
  expect(delay(environmentFailed, 3, 2)).toBe(1_000);
});

test.each(["built", "skipped", "package-failed", "cancelled"] as const)("%s is the end", (status) => {
  expect(delay({ type: "ended", result: { status, files: [], checks: [] } }, 1)).toBeUndefined();
});

test("a lost build is tried again at once, until it was lost too often", () => {
  const lost: BuildOutcome = { type: "lost", reason: "b1 was restarted" };

  expect(delay(lost, 2, 1)).toBe(0);
  expect(planRetry(limits, lost, { attempt: 3, losses: 2 })).toMatchObject({
    outcome: {
      type: "ended",
      result: { status: "environment-failed", reason: "b1 was restarted (lost 3 times, limit buildLossesMax)" },
    },
    retryDelayMs: undefined,
  });
});
