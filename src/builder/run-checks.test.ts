import { expect, test } from "vitest";
import type { CheckMode, CheckName, CheckResult } from "../buildorder/index.ts";
import { BuildEnding } from "./ending.ts";
import { type Check, judgeChecks, runChecks } from "./run-checks.ts";

class Log {
  text = "";
  output(chunk: Uint8Array): void {
    this.text += Buffer.from(chunk).toString();
  }
  line(line: string): void {
    this.text += `${line}\n`;
  }
}

const result = (name: CheckName, outcome: CheckResult["outcome"], more: Partial<CheckResult> = {}): CheckResult => ({
  name,
  outcome,
  summary: outcome,
  tags: [],
  ...more,
});

const judged = (mode: CheckMode, ...results: CheckResult[]): string => {
  try {
    judgeChecks(
      results.map(({ name }) => ({ name, mode })),
      results,
    );
    return "passes";
  } catch (error) {
    return error instanceof BuildEnding ? error.status : String(error);
  }
};

test.each([
  ["fail", "errfail", "package-failed"],
  ["fail", "ignore", "passes"],
  ["warn", "errfail", "passes"],
  ["warn", "warnfail", "package-failed"],
  ["error", "errfail", "environment-failed"],
  ["error", "ignore", "passes"],
  ["skipped", "warnfail", "passes"],
] as const)("outcome %s under %s: %s", (outcome, mode, expected) => {
  expect(judged(mode, result("piuparts", outcome))).toBe(expected);
});

test("all failed checks are in the reason, with what failed", () => {
  const tags = [{ level: "E", package: "a", tag: "bad-tag", details: "" }] as const;
  const tests = [
    { name: "smoke", outcome: "fail", details: "exit status 3" },
    { name: "other", outcome: "pass", details: "" },
  ] as const;
  const checks = [
    result("lintian", "fail", { summary: "1 error", tags }),
    result("autopkgtest", "fail", { summary: "1 failed", tests }),
  ];
  const modes = checks.map(({ name }) => ({ name, mode: "errfail" as const }));

  expect(() => judgeChecks(modes, checks)).toThrow(
    "lintian found 1 error: bad-tag (lintian-mode errfail); autopkgtest: 1 failed: smoke (exit status 3) (autopkgtest-mode errfail)",
  );
});

test("checks run side by side, and the log has one after the other", async () => {
  const log = new Log();
  const second = Promise.withResolvers<void>();
  const checks: Check[] = [
    {
      name: "lintian",
      mode: "errfail",
      run: async (part) => {
        part.line("first begins");
        await second.promise;
        part.line("first ends");
        return result("lintian", "pass");
      },
    },
    {
      name: "autopkgtest",
      mode: "ignore",
      run: async (part) => {
        part.output(Buffer.from("second, meanwhile\n"));
        second.resolve();
        return result("autopkgtest", "pass");
      },
    },
    { name: "piuparts", mode: "disabled", run: () => Promise.reject(new Error("must not run")) },
  ];
  const results: CheckResult[] = [];

  await runChecks(checks, { log, parallelMax: 2, results });

  expect(results.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
    "lintian pass",
    "autopkgtest pass",
    "piuparts disabled",
  ]);
  expect(log.text).toBe("--- lintian ---\nfirst begins\nfirst ends\n--- autopkgtest ---\nsecond, meanwhile\n");
});

test("a check that cannot be done lets the others end first", async () => {
  const results: CheckResult[] = [];
  const checks: Check[] = [
    { name: "lintian", mode: "errfail", run: () => Promise.reject(new Error("mirror away")) },
    { name: "piuparts", mode: "errfail", run: () => Promise.resolve(result("piuparts", "pass")) },
  ];

  await expect(runChecks(checks, { log: new Log(), parallelMax: 1, results })).rejects.toThrow("mirror away");
  expect(results).toEqual([result("piuparts", "pass")]);
});
