import { link, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BuildOrder, CheckResult } from "../buildorder/index.ts";
import { AppError } from "../runtime/index.ts";
import type { BuildWatch } from "./build-watch.ts";
import { type BuiltDeb, isBuiltHere, outsideDepends } from "./built-debs.ts";
import type { CheckLog } from "./check-log.ts";
import type { BuildEnvironment, PreparedTestbed, TestbedRequest, TestbedSession } from "./environment.ts";
import { SCHROOT_PROGRAM, TESTDEBS_PATH } from "./piuparts-schroot.ts";
import { judgePiuparts } from "./piuparts-verdict.ts";
import type { BuildWorkspace } from "./workspace.ts";

export interface PiupartsRun {
  readonly order: BuildOrder;
  readonly debs: readonly BuiltDeb[];
  readonly workspace: BuildWorkspace;
  readonly environment: BuildEnvironment;
  readonly request: TestbedRequest;
  readonly log: CheckLog;
  readonly watch: BuildWatch;
}

const INSIDE_PATH = "/mini-buildd/check";
const OUTPUT_BYTES_MAX = 4 * 1024 ** 2;

/**
 * Installs, upgrades and purges what was just built, by the release's own piuparts, in one offline session: piuparts in
 * the session's own root, the packages in a root inside it that has what they depend on.
 */
export async function runPiuparts(run: PiupartsRun): Promise<CheckResult> {
  if (run.debs.length === 0) {
    return { name: "piuparts", outcome: "skipped", summary: "the build made no package to install", tests: [], tags: [] };
  }

  const tools = await run.environment.prepareToolTestbed({ ...run.request, packages: ["piuparts"] });
  run.log.line(tools.summary);
  let inner: PreparedTestbed;
  try {
    inner = await prepareInner(run);
  } catch (error) {
    if (!(error instanceof AppError) || error.kind !== "invalid") throw error;
    run.log.line(error.message);
    return { name: "piuparts", outcome: "fail", summary: `it cannot be installed: ${error.message}`, tests: [], tags: [] };
  }
  run.log.line(inner.summary);

  const session = await tools.openSession({ signal: run.watch.signal, inner });
  try {
    return await piupartsInside(session, run, inner.previousPaths);
  } finally {
    await session.close();
  }
}

/** When old and new cannot be had together, the upgrade is left out: that is not the package's fault. */
async function prepareInner({ order, debs, environment, request, log }: PiupartsRun): Promise<PreparedTestbed> {
  const depends = outsideDepends(debs);
  const previous = (order.previousBinaries ?? []).filter(({ name }) => debs.some((deb) => deb.name === name));
  if (previous.length === 0) return environment.prepareCheckTestbed({ ...request, depends });

  try {
    return await environment.prepareCheckTestbed({ ...request, depends, previous });
  } catch (error) {
    if (!(error instanceof AppError) || error.kind !== "invalid") throw error;
    log.line(`the upgrade cannot be tested: ${error.message}`);
    return environment.prepareCheckTestbed({ ...request, depends });
  }
}

async function piupartsInside(session: TestbedSession, run: PiupartsRun, previousPaths: readonly string[]): Promise<CheckResult> {
  const filesPath = await collectFiles(run);
  await session.copyIn(filesPath, INSIDE_PATH);
  const script = 'mkdir -p /mini-buildd/previous && cp -- "$@" /mini-buildd/previous/';
  if (previousPaths.length > 0) await asRoot(session, run, ["sh", "-ec", script, "sh", ...previousPaths]);

  const ended = await asRoot(session, run, [
    "piuparts",
    "--defaults=debian",
    `--distribution=${run.order.codename}`,
    "--log-level=info",
    "--schroot=mini-buildd",
    "--keep-sources-list",
    "--skip-logrotatefiles-test",
    "--warn-on-others",
    ...(dependOnEachOther(run.debs) ? [`--testdebs-repo=${TESTDEBS_PATH}`] : []),
    ...run.debs.map(({ fileName }) => `${INSIDE_PATH}/debs/${fileName}`),
  ]);
  if (ended.reason !== "exited" || ended.exitCode === undefined || ended.exitCode > 1) {
    const why = ended.exitCode ?? ended.reason;
    return { name: "piuparts", outcome: "error", summary: `piuparts itself failed (status ${why})`, tests: [], tags: [] };
  }
  return judgePiuparts(ended.stdout.toString("utf8"), ended.exitCode, { hasPrevious: previousPaths.length > 0 });
}

/**
 * piuparts has apt install what the packages depend on before them, to tell apart whose files are left behind: then apt must
 * know those of the packages that others of them depend on. What these leave behind counts as a dependency's.
 */
function dependOnEachOther(debs: readonly BuiltDeb[]): boolean {
  return debs.some(({ depends }) => depends.some((dependency) => isBuiltHere(dependency, debs)));
}

async function asRoot(session: TestbedSession, { log, watch }: PiupartsRun, argv: readonly [string, ...string[]]) {
  return session.run({
    argv,
    cwd: "/tmp",
    asRoot: true,
    env: { HOME: "/root", PATH: `${INSIDE_PATH}/bin:/usr/sbin:/usr/bin:/sbin:/bin` },
    signal: watch.signal,
    outputBytesMax: OUTPUT_BYTES_MAX,
    onOutput: (chunk) => {
      watch.sawOutput();
      log.output(chunk);
    },
  });
}

async function collectFiles({ workspace, debs }: PiupartsRun): Promise<string> {
  const path = join(workspace.path, "piuparts");
  await mkdir(join(path, "bin"), { recursive: true });
  await mkdir(join(path, "debs"));
  await writeFile(join(path, "bin", "schroot"), SCHROOT_PROGRAM, { mode: 0o755 });
  for (const { fileName } of debs) await link(join(workspace.resultPath, fileName), join(path, "debs", fileName));
  return path;
}
