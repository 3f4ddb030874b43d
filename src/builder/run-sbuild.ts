import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BuildOrder } from "../buildorder/index.ts";
import { runCommand } from "../runtime/index.ts";
import type { BuildLog } from "./build-log.ts";
import type { BuildWatch } from "./build-watch.ts";
import type { BuildScope, PreparedTestbed } from "./environment.ts";
import { formatSbuildConfiguration, sbuildArguments } from "./sbuild-configuration.ts";
import { judgeSbuild } from "./sbuild-verdict.ts";
import type { BuildWorkspace } from "./workspace.ts";

/** The summary and the last errors are in it. */
const TAIL_BYTES = 256 * 1024;
/** There is nothing that sbuild could still do well: its session is killed beside it. */
const GRACE_PERIOD_MS = 0;

export interface SbuildRun {
  readonly order: BuildOrder;
  readonly scope: BuildScope;
  readonly testbed: PreparedTestbed;
  readonly workspace: BuildWorkspace;
  readonly log: BuildLog;
  readonly watch: BuildWatch;
  /** Ends all sessions of the build; see BuildEnvironment. */
  readonly killSessions: () => Promise<void>;
  /** See BuildContext. */
  readonly jobs?: number | undefined;
  /** Directories for programs before the system's; tests put a fake sbuild there. */
  readonly programDirectories?: readonly string[] | undefined;
}

/** Builds into `workspace.resultPath`; throws the build's end when nothing was built. */
export async function runSbuild(run: SbuildRun): Promise<void> {
  const { order, workspace, watch, jobs } = run;
  await writeFile(
    join(workspace.homePath, ".sbuildrc"),
    formatSbuildConfiguration(order, { jobs, compilerCache: run.testbed.compilerCache }),
  );
  await mkdir(join(workspace.homePath, "tmp"), { recursive: true });

  // At once: as long as something inside holds sbuild's output open, its end would be waited for.
  const kill = (): void => void run.killSessions();
  watch.signal.addEventListener("abort", kill, { once: true });
  const ended = await runCommand({
    // sbuild must not outlive the daemon: its session does not, and two of them would build the same order.
    argv: ["setpriv", "--pdeathsig", "KILL", "sbuild", ...commandArguments(run)],
    cwd: workspace.resultPath,
    env: sbuildEnvironment(run),
    signal: watch.signal,
    outputBytesMax: TAIL_BYTES,
    keepTail: true,
    gracePeriodMs: GRACE_PERIOD_MS,
    onOutput: (chunk) => {
      watch.sawOutput();
      run.log.output(chunk);
    },
  });

  watch.signal.removeEventListener("abort", kill);
  if (watch.ending !== undefined) {
    // Also one that sbuild was about to open.
    await run.killSessions();
    throw watch.ending;
  }
  const verdict = judgeSbuild(ended, watch);
  if (verdict !== undefined) throw verdict;
}

function commandArguments(run: SbuildRun): string[] {
  const { order, scope, testbed, workspace } = run;
  return sbuildArguments({
    order,
    scope,
    virtServer: testbed.virtServer,
    dscPath: join(workspace.sourcePath, order.dscName),
    resultPath: workspace.resultPath,
  });
}

/** sbuild hands its environment on to the build, so it gets next to none. */
function sbuildEnvironment({ workspace, programDirectories = [] }: SbuildRun): Record<string, string> {
  const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  return {
    HOME: workspace.homePath,
    TMPDIR: join(workspace.homePath, "tmp"),
    PATH: [...programDirectories, systemPath].join(":"),
    LC_ALL: "C.UTF-8",
    TERM: "dumb",
  };
}
