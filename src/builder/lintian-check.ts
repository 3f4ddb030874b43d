import type { CheckMode, CheckResult } from "../buildorder/index.ts";
import type { BuildLog } from "./build-log.ts";
import type { BuildWatch } from "./build-watch.ts";
import { environmentFailed, packageFailed } from "./ending.ts";
import type { PreparedTestbed, TestbedSession } from "./environment.ts";
import { parseLintianTags } from "./lintian-tags.ts";

/** What is read for tags; the log has all of it. */
const OUTPUT_BYTES_MAX = 4 * 1024 ** 2;
const INSIDE_PATH = "/build/lintian";
const DISABLED: CheckResult = { name: "lintian", outcome: "disabled", summary: "lintian is disabled", tags: [] };

export interface LintianRun {
  readonly testbed: PreparedTestbed;
  /** Holds the .changes and its files, and the .dsc with its files when the source is to be looked at. */
  readonly filesPath: string;
  /** Names in it. */
  readonly targets: readonly string[];
  readonly log: BuildLog;
  readonly watch: BuildWatch;
}

export function lintianDisabled(): CheckResult {
  return DISABLED;
}

/** lintian of the target release, in a session of its own. The files are only read by it: nothing of them is executed. */
export async function runLintian(run: LintianRun): Promise<CheckResult> {
  const session = await run.testbed.openSession({ signal: run.watch.signal });
  try {
    await session.copyIn(run.filesPath, INSIDE_PATH);
    return await lintianInside(session, run);
  } finally {
    await session.close();
  }
}

async function lintianInside(session: TestbedSession, run: LintianRun): Promise<CheckResult> {
  // Ours is no distribution that lintian knows, and a port's or a mapped upload's differs from its changelog's.
  const suppressed = "bad-distribution-in-changes-file,distribution-and-changes-mismatch";
  const ended = await session.run({
    argv: ["lintian", "--color=never", "--suppress-tags", suppressed, ...run.targets],
    cwd: INSIDE_PATH,
    env: { HOME: "/tmp" },
    signal: run.watch.signal,
    outputBytesMax: OUTPUT_BYTES_MAX,
    onOutput: (chunk) => {
      run.watch.sawOutput();
      run.log.output(chunk);
    },
  });

  const tags = parseLintianTags(ended.stdout.toString("utf8"));
  const errors = tags.filter(({ level }) => level === "E").length;
  const warnings = tags.filter(({ level }) => level === "W").length;
  // 1 and 2 are "tags found" or "broke", the other way round in older versions: errors among the tags decide.
  const isBroken = ended.reason !== "exited" || (ended.exitCode !== 0 && errors === 0);
  if (isBroken)
    return {
      name: "lintian",
      outcome: "error",
      summary: `lintian itself failed (status ${ended.exitCode ?? ended.reason})`,
      tags,
    };
  return {
    name: "lintian",
    outcome: errors > 0 ? "fail" : warnings > 0 ? "warn" : "pass",
    summary: `${count(errors, "error")}, ${count(warnings, "warning")}`,
    tags,
  };
}

/** Throws the build's end when the order's mode does not let this outcome pass. */
export function judgeLintian(mode: CheckMode, check: CheckResult): void {
  if (mode === "disabled" || mode === "ignore") return;
  if (check.outcome === "error") throw environmentFailed(check.summary);

  const fails = check.outcome === "fail" || (check.outcome === "warn" && mode === "warnfail");
  if (!fails) return;
  const blocking = check.tags.filter(({ level }) => level === "E" || (level === "W" && mode === "warnfail"));
  const names = [...new Set(blocking.map(({ tag }) => tag))];
  const listed = names.slice(0, 5).join(", ");
  throw packageFailed(`lintian found ${check.summary}: ${listed}${names.length > 5 ? ", …" : ""} (lintian-mode ${mode})`);
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
