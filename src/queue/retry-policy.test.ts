import { expect, test } from "vitest";
import { AppError } from "../runtime/index.ts";
import { judgeFailure, retryDelayMs } from "./retry-policy.ts";

const unavailable = new AppError({ kind: "unavailable", code: "MIRROR_AWAY", message: "the mirror does not answer" });
const invalid = new AppError({ kind: "invalid", code: "BAD_INPUT", message: "the input is bad" });
const random = (): number => 0.5;

test("what the world may mend is tried again", () => {
  expect(judgeFailure({ thrown: unavailable, attempt: 1, attemptsMax: 3, random })).toEqual({
    type: "retry",
    delayMs: 750,
    error: unavailable,
  });
});

test("the last attempt is the last", () => {
  expect(judgeFailure({ thrown: unavailable, attempt: 3, attemptsMax: 3, random })).toEqual({
    type: "failed",
    error: unavailable,
  });
});

test("an error that trying again does not mend ends the job at once", () => {
  expect(judgeFailure({ thrown: invalid, attempt: 1, attemptsMax: 3, random })).toEqual({ type: "failed", error: invalid });
});

test("anything that is no AppError is a bug, which is not retried", () => {
  const outcome = judgeFailure({ thrown: new TypeError("x is undefined"), attempt: 1, attemptsMax: 3, random });

  expect(outcome).toMatchObject({ type: "failed", error: { kind: "bug", code: "INTERNAL" } });
});

test("the delay doubles from a second to five minutes", () => {
  const longest = (): number => 0.999_999;
  const delays = [1, 2, 3, 9, 10, 11, 1_000].map((attempt) => retryDelayMs(attempt, longest));

  expect(delays).toEqual([1_000, 2_000, 4_000, 256_000, 300_000, 300_000, 300_000]);
});

test("chance takes away up to half of the delay", () => {
  expect(retryDelayMs(3, () => 0)).toBe(2_000);
});
