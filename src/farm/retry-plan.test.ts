import { expect, test } from "vitest";
import { type BuildOutcome, planRetry } from "./retry-plan.ts";

const limits = {
  buildLeaseMs: 1,
  diskReserveBytes: 0,
  memoryReserveBytes: 0,
  buildAttemptsMax: 4,
  buildLossesMax: 3,
  buildRetryDelayMs: 1_000,
  buildRetryDelayMsMax: 3_000,
  dependencyRecheckMs: 10_000,
  dependencyRecheckMsMax: 30_000,
  dependencyWaitMsMax: 100_000,
};
const NOW = new Date("2026-11-22T12:00:00.000Z");
const environmentFailed: BuildOutcome = {
  type: "ended",
  result: { status: "environment-failed", reason: "mirror away", files: [], checks: [] },
};

function delay(outcome: BuildOutcome, attempt: number, losses = 0): number | undefined {
  return planRetry(limits, outcome, { attempt, losses, wait: undefined, now: NOW }).retryDelayMs;
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
  expect(planRetry(limits, lost, { attempt: 3, losses: 2, wait: undefined, now: NOW })).toMatchObject({
    outcome: {
      type: "ended",
      result: { status: "environment-failed", reason: "b1 was restarted (lost 3 times, limit buildLossesMax)" },
    },
    retryDelayMs: undefined,
  });
});

test("missing dependencies are waited for, longer each time, and not for ever", () => {
  const missing = { relations: ["libfoo-dev (>= 2)"], isDeep: false };
  const outcome: BuildOutcome = { type: "ended", result: { status: "dependencies-missing", missing, files: [], checks: [] } };
  const plan = (tries: number, sinceMs: number) => {
    const since = new Date(NOW.getTime() - sinceMs).toISOString();
    const wait = tries === 0 ? undefined : { ...missing, since, tries };
    return planRetry(limits, outcome, { attempt: 1, losses: 0, wait, now: NOW });
  };

  expect(plan(0, 0)).toMatchObject({ retryDelayMs: 10_000, wait: { ...missing, since: NOW.toISOString(), tries: 1 } });
  expect(plan(1, 20_000)).toMatchObject({ retryDelayMs: 20_000, wait: { tries: 2 } });
  expect(plan(7, 90_000)).toMatchObject({ retryDelayMs: 30_000 });
  expect(plan(8, 100_000)).toMatchObject({ retryDelayMs: undefined, outcome: { result: { status: "package-failed" } } });
});
