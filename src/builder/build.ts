import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type BuildOrder, type BuildResult, buildFailure, type CheckResult, type StepReport } from "../buildorder/index.ts";
import { type Dsc, parseDsc, readControlFile } from "../formats/index.ts";
import { assert, type Clock, errorChain, freeSpaceBytes, type Limits, makeDirectory } from "../runtime/index.ts";
import { runAutopkgtest } from "./autopkgtest-check.ts";
import { BuildLog, type LogSink } from "./build-log.ts";
import { findBuildScope } from "./build-scope.ts";
import { BuildWatch } from "./build-watch.ts";
import { readBuiltDebs } from "./built-debs.ts";
import type { CheckLog } from "./check-log.ts";
import { type BuiltFiles, deliverFiles, verifyBuiltFiles } from "./deliver.ts";
import { BuildEnding, environmentFailed, packageFailed } from "./ending.ts";
import type {
  BuildEnvironment,
  BuildScope,
  HeldTestbed,
  PreparedCompilerCache,
  PreparedTestbed,
  SessionLimitPassed,
  TestbedRequest,
} from "./environment.ts";
import { keepFailedBuild } from "./failed-build.ts";
import { LintianCheck, type LintianFiles, type PrepareTestbed } from "./lintian-check.ts";
import { collectBuiltFiles, collectSourceFiles } from "./lintian-files.ts";
import { runPiuparts } from "./piuparts-check.ts";
import { type Check, judgeChecks, runChecks } from "./run-checks.ts";
import { runSbuild } from "./run-sbuild.ts";
import { checkBuildOptions } from "./sbuild-configuration.ts";
import { joinLintianResults, SourceLintian } from "./source-lintian.ts";
import { type StepNote, StepRunner } from "./steps.ts";
import { type BuildWorkspace, copySource, makeWorkspace, removeWorkspace } from "./workspace.ts";

export interface BuildContext {
  readonly environment: BuildEnvironment;
  /** Holds the files of the order; only read. */
  readonly sourceDirectory: string;
  /** Made if absent; gets the built files, and a directory `work` while the build runs. */
  readonly outputDirectory: string;
  readonly logSink: LogSink;
  /** Awaited. When it throws, the build ends: whoever ordered it does not want it any more. */
  readonly report: (report: StepReport) => Promise<void>;
  /** Cancels: every process of the build is killed before the result is given. */
  readonly signal: AbortSignal;
  readonly limits: Pick<Limits, "diskReserveBytes" | "failedProductsSizeBytesMax">;
  readonly clock: Clock;
  /** How much is built at once (`parallel=`). Absent: as dpkg-buildpackage decides, every processor. */
  readonly jobs?: number | undefined;
  /** Directories for programs before the system's. */
  readonly programDirectories?: readonly string[] | undefined;
}

/**
 * One build from order to result. Never throws for the package's or the environment's sake: the result says how it
 * ended. Keeps nothing: run again with the same order, it does all of it again.
 */
export async function runBuild(order: BuildOrder, context: BuildContext): Promise<BuildResult> {
  await makeDirectory(context.outputDirectory);
  const workspace = await makeWorkspace(context.outputDirectory);
  const build = new Build(order, context, workspace);
  try {
    return await build.run();
  } finally {
    await removeWorkspace(workspace);
  }
}

interface Prepared {
  readonly dsc: Dsc;
  readonly scope: BuildScope;
  readonly testbed: PreparedTestbed;
}

interface Checked {
  readonly dsc: Dsc;
  readonly built: BuiltFiles;
  readonly lintian: StartedLintian | undefined;
}

interface StartedLintian {
  readonly built: LintianCheck;
  /** Absent: nobody wants it, or `built` looks at it too. */
  readonly source: SourceLintian | undefined;
}

class Build {
  readonly #order: BuildOrder;
  readonly #context: BuildContext;
  readonly #workspace: BuildWorkspace;
  readonly #log: BuildLog;
  readonly #steps: StepRunner;
  readonly #watches = new Set<BuildWatch>();
  readonly #endAll: (ending: BuildEnding) => void;

  constructor(order: BuildOrder, context: BuildContext, workspace: BuildWorkspace) {
    this.#order = order;
    this.#context = context;
    this.#workspace = workspace;
    const { logSizeBytesMax } = order.limits;
    const endAll = (ending: BuildEnding): void => {
      for (const watch of this.#watches) watch.end(ending);
    };
    this.#endAll = endAll;
    const onFull = (): void =>
      endAll(packageFailed(`the log grew beyond ${logSizeBytesMax} bytes (limit buildLogSizeBytesMax)`, "log-size"));
    const onLost = (error: unknown): void => endAll(environmentFailed(`the log could not be written: ${messageOf(error)}`));
    this.#log = new BuildLog({ sink: context.logSink, sizeBytesMax: logSizeBytesMax, onFull, onLost });
    this.#steps = new StepRunner({ report: context.report, log: this.#log, clock: context.clock, signal: context.signal });
  }

  async run(): Promise<BuildResult> {
    const checks: CheckResult[] = [];
    let lintian: StartedLintian | undefined;
    const { buildId } = this.#order;
    const stopListening = this.#context.environment.onLimitPassed(buildId, (passed) => this.#endAll(limitEnding(passed)));
    const { signal } = this.#context;
    const held = this.#context.environment.holdTestbed(buildId);
    let discarding: Promise<void> | undefined;
    const kill = (): void => {
      discarding ??= held.discard();
      void this.#killSessions();
    };
    signal.addEventListener("abort", kill, { once: true });
    let prepared: Prepared | undefined;
    let built: BuiltFiles | undefined;
    try {
      const ready = await this.#steps.run("prepare", () => this.#prepare(), describePrepared);
      prepared = ready;
      lintian = this.#startLintian(ready.scope);
      const files = await this.#steps.run("build", () => this.#build(ready.scope, ready.testbed));
      built = files;
      await this.#steps.run(
        "checks",
        () => this.#check({ dsc: ready.dsc, built: files, lintian }, checks),
        () => describeChecks(checks),
      );
      discarding = held.discard();
      await this.#steps.run("deliver", () => deliverFiles(files, this.#workspace.resultPath, this.#context.outputDirectory));
      // The generation that the build began with is in use until then.
      await discarding;
      await this.#storeCompilerCache(ready.testbed.compilerCache);
      return { status: "built", files: files.files, checks };
    } catch (error) {
      if (!(error instanceof BuildEnding)) throw error;
      const failedStep = error.status === "skipped" ? undefined : this.#steps.failedStep;
      const left = error.status === "package-failed" ? await this.#keepLeft({ held, scope: prepared?.scope, built }) : {};
      return { ...this.#failureOf(error), failedStep, files: [], ...left, checks };
    } finally {
      signal.removeEventListener("abort", kill);
      stopListening();
      // Does nothing when it was kept.
      discarding ??= held.discard();
      await (signal.aborted ? this.#killSessions() : discarding);
      await Promise.all([lintian?.built.close(), lintian?.source?.close()]);
      // Whatever cannot be removed goes with the daemon.
      await prepared?.testbed.compilerCache?.discard().catch(() => undefined);
    }
  }

  /** Whoever cancelled waits for the end of all that the build runs, not for the removal of what it wrote. */
  async #killSessions(): Promise<void> {
    await this.#context.environment.killSessions(this.#order.buildId);
  }

  #failureOf({ status, message: reason, missing, failureClass }: BuildEnding): Omit<BuildResult, "files" | "checks"> {
    // What a build printed says nothing about a check, nor about us.
    const isOfBuild = this.#steps.failedStep === "build";
    const where = isOfBuild ? { logLine: this.#log.firstErrorLine, excerpt: this.#log.firstErrorExcerpt } : {};
    return { status, reason, missing, failure: failureClass === undefined ? undefined : buildFailure(failureClass, where) };
  }

  /** A cache is worth no build: what goes wrong with it is a line in the log. */
  async #storeCompilerCache(cache: PreparedCompilerCache | undefined): Promise<void> {
    if (cache === undefined) return;
    try {
      const { sizeBytes } = await cache.store();
      this.#log.line(`compiler cache stored: ${(sizeBytes / 1024 ** 2).toFixed(1)} MiB`);
    } catch (error) {
      this.#log.line(`compiler cache not stored: ${errorChain(error).join(": ")}`);
    }
  }

  async #keepLeft(left: {
    held: HeldTestbed;
    scope: BuildScope | undefined;
    built: BuiltFiles | undefined;
  }): Promise<Pick<BuildResult, "products" | "testbedKeptUntil">> {
    const { scope, ...rest } = left;
    if (scope === undefined || this.#context.signal.aborted) return {};
    const { limits, signal, outputDirectory, jobs } = this.#context;
    const common = { order: this.#order, workspace: this.#workspace, log: this.#log };
    return keepFailedBuild({ ...common, ...rest, scope, limits, signal, outputDirectory, jobs });
  }

  async #prepare(): Promise<Prepared> {
    checkBuildOptions(this.#order);
    await copySource(this.#order, this.#context.sourceDirectory, this.#workspace);
    const dsc = await this.#readDsc();
    const scope = findBuildScope(dsc, this.#order);
    if (scope === undefined) throw new BuildEnding("skipped", `nothing is to be built for ${this.#order.architecture}`);

    const testbed = await this.#context.environment.prepareBuildTestbed({ ...this.#testbedRequest(), scope, dsc });
    return { dsc, scope, testbed };
  }

  async #build(scope: BuildScope, testbed: PreparedTestbed): Promise<BuiltFiles> {
    const { programDirectories, jobs } = this.#context;
    const killSessions = (): Promise<void> => this.#killSessions();
    const common = { order: this.#order, scope, testbed, workspace: this.#workspace, log: this.#log, killSessions };
    await this.#watched((watch) => runSbuild({ ...common, watch, jobs, programDirectories }));
    return verifyBuiltFiles(this.#order, scope, this.#workspace.resultPath);
  }

  /** Adds to `results` what came out, also when that ends the build. */
  async #check({ dsc, built, lintian }: Checked, results: CheckResult[]): Promise<void> {
    const { lintianMode, autopkgtestMode = "disabled", piupartsMode = "disabled" } = this.#order;
    const checks: Check[] = [
      { name: "lintian", mode: lintianMode, run: (log) => this.#lintian(lintian, built, log) },
      { name: "autopkgtest", mode: autopkgtestMode, run: (log) => this.#autopkgtest(dsc, built, log) },
      { name: "piuparts", mode: piupartsMode, run: (log) => this.#piuparts(built, log) },
    ];
    await runChecks(checks, { log: this.#log, parallelMax: availableParallelism(), results });
    judgeChecks(checks, results);
  }

  /** Beside the build, which seldom uses every core from its first second on. */
  #startLintian(scope: BuildScope): StartedLintian | undefined {
    const { lintianMode, lintsSource } = this.#order;
    if (lintianMode === "disabled") return undefined;
    const prepare: PrepareTestbed = (log, signal) =>
      this.#context.environment.prepareToolTestbed({ ...this.#testbedRequest(log), signal, packages: ["lintian"] });
    // Where arch:all packages are made, lintian sees the whole upload at once and can compare.
    if (lintsSource !== true || scope.all) return { built: new LintianCheck(prepare), source: undefined };
    const collectFiles = (): Promise<LintianFiles> => collectSourceFiles(this.#order, this.#workspace);
    const watched = (work: (watch: BuildWatch) => Promise<CheckResult>): Promise<CheckResult> => this.#watched(work);
    return { built: new LintianCheck(prepare), source: new SourceLintian({ prepare, collectFiles, watched }) };
  }

  async #lintian(lintian: StartedLintian | undefined, built: BuiltFiles, log: CheckLog): Promise<CheckResult> {
    assert(lintian !== undefined, "lintian runs unless it is disabled");
    const withSource = this.#order.lintsSource === true && lintian.source === undefined;
    const files = await collectBuiltFiles(this.#order, built, this.#workspace, { withSource });
    const ofBuilt = await this.#watched((watch) => lintian.built.run(files, { log, watch }));
    return lintian.source === undefined ? ofBuilt : joinLintianResults([await lintian.source.result(log), ofBuilt]);
  }

  async #autopkgtest(dsc: Dsc, built: BuiltFiles, log: CheckLog): Promise<CheckResult> {
    const { environment, programDirectories } = this.#context;
    const debs = await readBuiltDebs(built, this.#workspace.resultPath);
    const common = { order: this.#order, workspace: this.#workspace, environment, request: this.#testbedRequest(log), log };
    return this.#watched((watch) => runAutopkgtest({ ...common, dsc, debs, watch, programDirectories }));
  }

  async #piuparts(built: BuiltFiles, log: CheckLog): Promise<CheckResult> {
    const { environment } = this.#context;
    const debs = await readBuiltDebs(built, this.#workspace.resultPath);
    const common = { order: this.#order, workspace: this.#workspace, environment, request: this.#testbedRequest(log), log };
    return this.#watched((watch) => runPiuparts({ ...common, debs, watch }));
  }

  #testbedRequest(log: CheckLog = this.#log): TestbedRequest {
    return {
      order: this.#order,
      onOutput: (chunk) => log.output(chunk),
      onProgress: (line) => log.line(line),
      signal: this.#context.signal,
    };
  }

  async #readDsc(): Promise<Dsc> {
    const { dscName } = this.#order;
    return parseDsc(await readControlFile(join(this.#workspace.sourcePath, dscName), dscName), dscName);
  }

  /** The package's own code runs inside: under all limits. */
  async #watched<T>(work: (watch: BuildWatch) => Promise<T>): Promise<T> {
    const { limits, signal, outputDirectory } = this.#context;
    const watch = new BuildWatch({
      limits: { ...this.#order.limits, diskReserveBytes: limits.diskReserveBytes },
      signal,
      freeSpaceBytes: () => freeSpaceBytes(outputDirectory),
    });
    this.#watches.add(watch);
    try {
      const value = await work(watch);
      if (watch.ending !== undefined) throw watch.ending;
      return value;
    } catch (error) {
      // What a killed program looks like is not why it ended.
      throw watch.ending ?? error;
    } finally {
      watch.stop();
      this.#watches.delete(watch);
    }
  }
}

function limitEnding({ limit, message, isOurs }: SessionLimitPassed): BuildEnding {
  return (isOurs ? environmentFailed : packageFailed)(`the build was ended because ${message}`, limit);
}

function describePrepared({ testbed }: Prepared): StepNote {
  return { outcome: "ok", note: testbed.summary };
}

function describeChecks(checks: readonly CheckResult[]): StepNote {
  const done = checks.filter(({ outcome }) => outcome !== "disabled");
  if (done.length === 0) return { outcome: "skipped", note: "all checks are disabled" };
  return { outcome: "ok", note: done.map(({ name, summary }) => `${name}: ${summary}`).join("; ") };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
