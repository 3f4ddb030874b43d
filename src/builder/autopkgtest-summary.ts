import type { CheckOutcome, CheckResult, CheckTest } from "../buildorder/index.ts";

const OUTCOMES = { PASS: "pass", FAIL: "fail", FLAKY: "flaky", SKIP: "skip" } as const;
const DETAILS_LENGTH_MAX = 500;

/** The lines of `autopkgtest --summary-file`: `name  PASS`, `name  FAIL non-zero exit status 1`. Others are passed over. */
export function parseTestSummary(summary: string): CheckTest[] {
  return summary.split("\n").flatMap((line) => {
    const [, name, word, details = ""] = /^(\S+)\s+(PASS|FAIL|FLAKY|SKIP)\b ?(.*)$/.exec(line) ?? [];
    if (name === undefined || word === undefined) return [];
    return { name, outcome: OUTCOMES[word as keyof typeof OUTCOMES], details: details.slice(0, DETAILS_LENGTH_MAX) };
  });
}

/** autopkgtest's exit status: 16 and above say that it could not do its work. */
export function testbedBroke(exitCode: number | undefined): boolean {
  return exitCode === undefined || exitCode >= 16;
}

/** One result for all tests of a package. A test that may fail now and then is a warning when it does. */
export function summariseTests(tests: readonly CheckTest[]): CheckResult {
  const names = (outcome: CheckTest["outcome"]): string[] =>
    tests.filter((test) => test.outcome === outcome).map(({ name }) => name);
  const [passed, failed, flaky, skipped] = (["pass", "fail", "flaky", "skip"] as const).map(names) as [
    string[],
    string[],
    string[],
    string[],
  ];
  const parts = [
    `${passed.length} passed`,
    failed.length > 0 && `${failed.length} failed`,
    flaky.length > 0 && `${flaky.length} flaky`,
    skipped.length > 0 && `${skipped.length} skipped`,
  ];
  const outcome: CheckOutcome = failed.length > 0 ? "fail" : flaky.length > 0 ? "warn" : passed.length > 0 ? "pass" : "skipped";
  return { name: "autopkgtest", outcome, summary: parts.filter((part) => part !== false).join(", "), tests, tags: [] };
}
