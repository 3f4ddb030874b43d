import type { CheckResult, CheckTest } from "../buildorder/index.ts";

/** What piuparts does with the packages; the words are those of its log. */
const PHASES = [
  { name: "install and purge", passed: "PASS: Installation and purging test.", failed: "FAIL: Installation and purging test." },
  {
    name: "upgrade",
    passed: "PASS: Installation, upgrade and purging tests.",
    failed: "FAIL: Installation, upgrade and purging tests.",
  },
] as const;

const DETAILS_LENGTH_MAX = 500;

/**
 * Reads piuparts' log at level "info". The packages' scripts can print anything into it, so its exit status decides;
 * the text only says in which phase.
 */
export function judgePiuparts(log: string, exitCode: number, options: { readonly hasPrevious: boolean }): CheckResult {
  const lines = log.split("\n");
  const says = (text: string): boolean => lines.some((line) => line.endsWith(text));
  const phases = PHASES.map((phase) => ({ ...phase, hasPassed: says(phase.passed) }));
  const failedAt = exitCode === 0 ? -1 : phases.findIndex(({ hasPassed }) => !hasPassed);
  const tests = phases.map(({ name, hasPassed }, index): CheckTest => {
    if (index === failedAt || (exitCode !== 0 && failedAt < 0 && index === 0))
      return { name, outcome: "fail", details: firstComplaint(lines) };
    if (hasPassed) return { name, outcome: "pass", details: "" };
    return { name, outcome: "skip", details: skipReason(options.hasPrevious, failedAt) };
  });

  const failed = tests.filter(({ outcome }) => outcome === "fail");
  const warnings = lines.filter((line) => / WARN: /.test(line)).length;
  const outcome = failed.length > 0 ? "fail" : warnings > 0 ? "warn" : "pass";
  const done = tests.map(({ name, outcome }) => `${name}: ${outcome === "skip" ? "not tested" : `${outcome}ed`}`).join(", ");
  const summary = warnings > 0 ? `${done}, ${warnings} warning${warnings === 1 ? "" : "s"}` : done;
  return { name: "piuparts", outcome, summary, tests, tags: [] };
}

function skipReason(hasPrevious: boolean, failedAt: number): string {
  if (failedAt >= 0) return "not reached";
  return hasPrevious ? "piuparts did not test it" : "the distribution has no version to upgrade from";
}

/** The first error that is more than "FAIL", with the lines that belong to it. */
function firstComplaint(lines: readonly string[]): string {
  const index = lines.findIndex((line) => / ERROR: /.test(line));
  if (index < 0) return "";
  const rest = lines.slice(index + 1);
  const end = rest.findIndex((line) => !line.startsWith(" "));
  const belonging = rest.slice(0, end < 0 ? undefined : end).map((line) => line.trim());
  const first = (lines[index] ?? "").replace(/^.*? ERROR: /, "");
  return [first, ...belonging].join(" ").slice(0, DETAILS_LENGTH_MAX);
}
