import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BuildOrder, CheckResult, CheckTest } from "../buildorder/index.ts";
import { type Dsc, fieldValue, formatRelations, parseRelations } from "../formats/index.ts";
import { AppError, runCommand } from "../runtime/index.ts";
import {
  formatTestsControl,
  groupByDepends,
  LIST_TESTS_SCRIPT,
  type ListedTest,
  type ListedTests,
  parseListedTests,
} from "./autopkgtest-list.ts";
import { parseTestSummary, summariseTests, testbedBroke } from "./autopkgtest-summary.ts";
import type { BuildWatch } from "./build-watch.ts";
import { type BuiltDeb, isBuiltHere, outsideDepends, withBuiltDepends } from "./built-debs.ts";
import type { CheckLog } from "./check-log.ts";
import { environmentFailed, packageFailed } from "./ending.ts";
import type { BuildEnvironment, PreparedTestbed, TestbedRequest } from "./environment.ts";
import type { BuildWorkspace } from "./workspace.ts";

export interface AutopkgtestRun {
  readonly order: BuildOrder;
  readonly dsc: Dsc;
  readonly debs: readonly BuiltDeb[];
  readonly workspace: BuildWorkspace;
  readonly environment: BuildEnvironment;
  readonly request: TestbedRequest;
  readonly log: CheckLog;
  readonly watch: BuildWatch;
  readonly programDirectories?: readonly string[] | undefined;
}

/** What our virtualisation server offers; there is no init, no second machine and no network. */
const CAPABILITIES = "revert revert-full-system root-on-testbed";
const INSIDE_PATH = "/build/autopkgtest";
const OUTPUT_BYTES_MAX = 4 * 1024 ** 2;
const TAIL_BYTES = 64 * 1024;
const GRACE_PERIOD_MS = 100;

/**
 * The source's own tests against what was just built: listed in a session of the release's autopkgtest, then run by the
 * host's in sessions of ours, one for each set of packages that tests need. Those packages come in a layer, so that
 * the sessions need no network. Tests that want what we do not offer (needs-internet) are skipped, and say so.
 */
export async function runAutopkgtest(run: AutopkgtestRun): Promise<CheckResult> {
  if (fieldValue(run.dsc.stanza, "Testsuite") === undefined) return noTests("the source has no autopkgtests");

  const { tests, skipped } = await listTests(run);
  const results: CheckTest[] = [...skipped];
  for (const [index, group] of groupByDepends(tests).entries()) {
    const ended = await runGroup(run, group, join(run.workspace.path, `autopkgtest-${index}`));
    if (ended === undefined)
      return { name: "autopkgtest", outcome: "error", summary: "autopkgtest itself failed", tests: results, tags: [] };
    results.push(...ended);
  }
  return results.length === 0 ? noTests("the source has no autopkgtests for this architecture") : summariseTests(results);
}

function noTests(summary: string): CheckResult {
  return { name: "autopkgtest", outcome: "skipped", summary, tests: [], tags: [] };
}

async function listTests({ order, workspace, environment, request, log, watch }: AutopkgtestRun): Promise<ListedTests> {
  const testbed = await environment.prepareToolTestbed({ ...request, packages: ["autodep8", "autopkgtest"] });
  log.line(testbed.summary);
  const filesPath = join(workspace.path, "autopkgtest-list");
  await mkdir(filesPath);
  await writeFile(join(filesPath, "list-tests.py"), LIST_TESTS_SCRIPT);

  const session = await testbed.openSession({ signal: watch.signal });
  try {
    await session.copyIn(workspace.sourcePath, INSIDE_PATH);
    await session.copyIn(filesPath, `${INSIDE_PATH}/mini-buildd`);
    const ended = await session.run({
      argv: [
        "python3",
        `${INSIDE_PATH}/mini-buildd/list-tests.py`,
        `${INSIDE_PATH}/${order.dscName}`,
        order.architecture,
        CAPABILITIES,
      ],
      cwd: "/build",
      env: { HOME: "/tmp" },
      signal: watch.signal,
      outputBytesMax: OUTPUT_BYTES_MAX,
      onOutput: () => watch.sawOutput(),
    });
    if (ended.reason !== "exited" || ended.exitCode !== 0) {
      log.output(ended.stderr);
      throw packageFailed("the source's autopkgtests cannot be listed: see the log");
    }
    return parseListedTests(ended.stdout.toString("utf8"));
  } finally {
    await session.close();
  }
}

/** Undefined: autopkgtest broke. */
async function runGroup(run: AutopkgtestRun, group: readonly ListedTest[], path: string): Promise<CheckTest[] | undefined> {
  const names = group.map(({ name }) => name).join(", ");
  const wanted = wantedPackages(run, group);
  let testbed: PreparedTestbed;
  try {
    testbed = await run.environment.prepareCheckTestbed({ ...run.request, depends: [...wanted.outside, "apt-utils"] });
  } catch (error) {
    if (!(error instanceof AppError) || error.kind !== "invalid") throw error;
    run.log.line(`${names}: ${error.message}`);
    return group.map(({ name }) => ({ name, outcome: "fail", details: `its dependencies: ${error.message}`.slice(0, 500) }));
  }
  run.log.line(`${names}: ${testbed.summary}`);
  return testInside(run, { group, path, testbed, debs: wanted.built });
}

/** Of what the tests depend on: what was built here, and what must come from elsewhere. */
function wantedPackages({ debs }: AutopkgtestRun, group: readonly ListedTest[]): { built: BuiltDeb[]; outside: string[] } {
  const relations = (group[0]?.depends ?? []).flatMap((depends) => parseRelations(depends));
  const elsewhere = relations.filter((dependency) => !isBuiltHere(dependency, debs)).map((one) => formatRelations([one]));
  const direct = debs.filter((deb) => relations.some((dependency) => isBuiltHere(dependency, [deb])));
  const built = withBuiltDepends(direct, debs);
  return { built, outside: [...new Set([...elsewhere, ...outsideDepends(built, debs)])].toSorted() };
}

async function testInside(
  run: AutopkgtestRun,
  work: { group: readonly ListedTest[]; path: string; testbed: PreparedTestbed; debs: readonly BuiltDeb[] },
): Promise<CheckTest[] | undefined> {
  const { watch, log, programDirectories = [] } = run;
  const { group, path } = work;
  await mkdir(path);
  await writeFile(join(path, "control"), formatTestsControl(group));
  const ended = await runCommand({
    argv: ["setpriv", "--pdeathsig", "KILL", "autopkgtest", ...autopkgtestArguments(run, work)],
    cwd: path,
    // The tests see this environment too, so there is nothing of ours in it.
    env: { PATH: [...programDirectories, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"].join(":") },
    signal: watch.signal,
    outputBytesMax: TAIL_BYTES,
    keepTail: true,
    gracePeriodMs: GRACE_PERIOD_MS,
    onOutput: (chunk) => {
      watch.sawOutput();
      log.output(chunk);
    },
  });
  if (watch.ending !== undefined) throw watch.ending;
  if (ended.reason === "not-started")
    throw environmentFailed(`autopkgtest could not be started: ${ended.stderr.toString("utf8").trim()}`);
  if (testbedBroke(ended.exitCode)) return undefined;
  const results = parseTestSummary(await readFile(join(path, "summary"), "utf8"));
  return isBadPackage(ended.exitCode) ? withBadPackage(results, group, ended.stdout.toString("utf8")) : results;
}

function autopkgtestArguments(
  { order, workspace }: AutopkgtestRun,
  { path, testbed, debs }: { path: string; testbed: PreparedTestbed; debs: readonly BuiltDeb[] },
): string[] {
  return [
    "--no-built-binaries",
    `--override-control=${join(path, "control")}`,
    `--summary-file=${join(path, "summary")}`,
    `--output-dir=${join(path, "output")}`,
    ...debs.map(({ fileName }) => join(workspace.resultPath, fileName)),
    join(workspace.sourcePath, order.dscName),
    "--",
    testbed.virtServer.program,
    ...testbed.virtServer.args,
  ];
}

/** autopkgtest's exit status: the package itself cannot be unpacked or installed, or its tests cannot be begun. */
function isBadPackage(exitCode: number | undefined): boolean {
  return exitCode === 12 || exitCode === 14;
}

/** Then the tests have no line of their own. */
function withBadPackage(results: readonly CheckTest[], group: readonly ListedTest[], output: string): CheckTest[] {
  const details = (/^badpkg: (.*)$/m.exec(output)?.[1] ?? "the package cannot be tested").slice(0, 500);
  const missing = group.filter(({ name }) => !results.some((result) => result.name === name));
  return [...results, ...missing.map(({ name }): CheckTest => ({ name, outcome: "fail", details }))];
}
