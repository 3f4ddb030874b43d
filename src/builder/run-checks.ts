import type { CheckMode, CheckName, CheckResult } from "../buildorder/index.ts";
import { type CheckLog, CheckLogs } from "./check-log.ts";
import { environmentFailed, packageFailed } from "./ending.ts";

export interface Check {
  readonly name: CheckName;
  readonly mode: CheckMode;
  run(log: CheckLog): Promise<CheckResult>;
}

const NAMES_LISTED_MAX = 5;

/**
 * All checks that are not disabled, side by side, `parallelMax` at a time. Adds to `results` what came out, in the
 * order of the checks. When one cannot be done at all, the others are still run to their end; then that is thrown.
 */
export async function runChecks(
  checks: readonly Check[],
  options: { readonly log: CheckLog; readonly parallelMax: number; readonly results: CheckResult[] },
): Promise<void> {
  const logs = new CheckLogs(options.log);
  const done = new Map<Check, CheckResult>();
  const failures: unknown[] = [];
  const waiting: { check: Check; log: CheckLog }[] = [];
  for (const check of checks) {
    if (check.mode === "disabled") done.set(check, disabled(check.name));
    else waiting.push({ check, log: logs.open(check.name) });
  }

  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      try {
        done.set(next.check, await next.check.run(next.log));
      } catch (error) {
        failures.push(error);
      } finally {
        logs.close(next.log);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.parallelMax, waiting.length) }, work));

  options.results.push(...checks.flatMap((check) => done.get(check) ?? []));
  if (failures.length > 0) throw failures[0];
}

function disabled(name: CheckName): CheckResult {
  return { name, outcome: "disabled", summary: `${name} is disabled`, tags: [] };
}

/** Throws the build's end, with all reasons, when a mode does not let an outcome pass. */
export function judgeChecks(checks: readonly Pick<Check, "name" | "mode">[], results: readonly CheckResult[]): void {
  const judged = results.flatMap((result) => {
    const mode = checks.find(({ name }) => name === result.name)?.mode ?? "disabled";
    return mode === "errfail" || mode === "warnfail" ? [{ result, mode }] : [];
  });
  const failed = judged.filter(({ result, mode }) => isFatal(result, mode));
  if (failed.length > 0)
    throw packageFailed(failed.map(({ result, mode }) => describeFailure(result, mode)).join("; "), "checks");

  const broken = judged.find(({ result }) => result.outcome === "error");
  if (broken !== undefined) throw environmentFailed(broken.result.summary);
}

function isFatal({ outcome }: CheckResult, mode: CheckMode): boolean {
  return outcome === "fail" || (outcome === "warn" && mode === "warnfail");
}

function describeFailure(result: CheckResult, mode: CheckMode): string {
  const names = result.name === "lintian" ? blockingTags(result, mode) : failedTests(result, mode);
  const listed = names.slice(0, NAMES_LISTED_MAX).join(", ");
  const more = names.length > NAMES_LISTED_MAX ? ", …" : "";
  const verb = result.name === "lintian" ? " found" : ":";
  return `${result.name}${verb} ${result.summary}${names.length === 0 ? "" : `: ${listed}${more}`} (${result.name}-mode ${mode})`;
}

function blockingTags({ tags }: CheckResult, mode: CheckMode): string[] {
  const blocking = tags.filter(({ level }) => level === "E" || (level === "W" && mode === "warnfail"));
  return [...new Set(blocking.map(({ tag }) => tag))];
}

function failedTests({ tests = [] }: CheckResult, mode: CheckMode): string[] {
  return tests
    .filter(({ outcome }) => outcome === "fail" || (outcome === "flaky" && mode === "warnfail"))
    .map(({ name, details }) => (details === "" ? name : `${name} (${details})`));
}
