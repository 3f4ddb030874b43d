import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { runBuild, TestbedEnvironment, type TestbedSession } from "../../src/builder/index.ts";
import type { BuildOrder, CheckMode } from "../../src/buildorder/index.ts";
import { type Dsc, parseDsc } from "../../src/formats/index.ts";
import { defaultLimits, runChecked, silentLogger, systemClock } from "../../src/runtime/index.ts";
import { Testbeds } from "../../src/testbed/index.ts";
import { newBuild } from "../../test/support/farm.ts";
import { type HostRelease, readHostRelease } from "../../test/support/host-archive.ts";
import type { SourceVersion } from "./source-series.ts";

export interface MeasuredBuild {
  /** From the order to the result. */
  readonly seconds: number;
  /** Seconds of prepare, build, checks, deliver. */
  readonly steps: Readonly<Record<string, number>>;
}

export interface BuildChoices {
  readonly lintian: CheckMode;
  /** Default: disabled. */
  readonly autopkgtest?: CheckMode;
  /** Default: disabled. */
  readonly piuparts?: CheckMode;
  readonly profiles?: readonly string[];
  /** What was built stays there. Default: it goes. */
  readonly outputDirectory?: string;
}

/** The builder on testbeds of its own, without farm, database and archive around it. */
export class BuilderSide {
  readonly release: HostRelease;
  readonly #scratch: string;
  readonly #testbeds: Testbeds;
  readonly #environment: TestbedEnvironment;

  private constructor(parts: { release: HostRelease; scratch: string; testbeds: Testbeds }) {
    this.release = parts.release;
    this.#scratch = parts.scratch;
    this.#testbeds = parts.testbeds;
    this.#environment = new TestbedEnvironment(parts.testbeds);
  }

  /** With the base layer made. Default: of the release that this machine runs. */
  static async make(given?: HostRelease): Promise<BuilderSide> {
    const release = given ?? (await readHostRelease());
    const scratch = await mkdtemp("/var/tmp/mini-buildd-bench-");
    const testbeds = await Testbeds.open({ directory: join(scratch, "testbeds"), clock: systemClock, logger: silentLogger });
    await testbeds.ensureBaseLayer({ ...release, components: ["main"] });
    return new BuilderSide({ release, scratch, testbeds });
  }

  get scratch(): string {
    return this.#scratch;
  }

  async build(source: SourceVersion, options: BuildChoices): Promise<MeasuredBuild> {
    const order = await this.#order(source, options);
    const outputDirectory = options.outputDirectory ?? (await mkdtemp(join(this.#scratch, "out-")));
    const atMs = new Map<string, number>();
    let log = "";
    const startMs = performance.now();
    const result = await runBuild(order, {
      environment: this.#environment,
      sourceDirectory: dirname(source.dscPath),
      outputDirectory,
      logSink: { write: (chunk) => void (log += Buffer.from(chunk).toString("utf8")) },
      report: async ({ step, type }) => void atMs.set(`${step} ${type}`, performance.now()),
      signal: new AbortController().signal,
      limits: { ...defaultLimits, diskReserveBytes: 0 },
      clock: systemClock,
    });
    const seconds = (performance.now() - startMs) / 1_000;
    if (options.outputDirectory === undefined) await rm(outputDirectory, { recursive: true, force: true });
    if (result.status !== "built") throw new Error(`${source.source} was not built: ${result.reason}\n${log.slice(-4_000)}`);

    const steps = ["prepare", "build", "checks", "deliver"].map((step) => {
      const [from = Number.NaN, to = Number.NaN] = [atMs.get(`${step} started`), atMs.get(`${step} ended`)];
      return [step, (to - from) / 1_000] as const;
    });
    return { seconds, steps: Object.fromEntries(steps) };
  }

  /** Seconds that dpkg-buildpackage alone takes on the same layers, and that the session takes to start. */
  async buildBare(source: SourceVersion): Promise<{ readonly seconds: number; readonly sessionSeconds: number }> {
    const order = await this.#order(source, { lintian: "disabled" });
    const testbed = await this.#environment.prepareBuildTestbed({
      order,
      scope: { any: true, all: true },
      dsc: await readDsc(source.dscPath),
      onOutput: () => {},
      onProgress: () => {},
      signal: new AbortController().signal,
    });
    const startMs = performance.now();
    const session = await testbed.openSession({ signal: new AbortController().signal });
    const sessionSeconds = (performance.now() - startMs) / 1_000;
    try {
      await session.copyIn(dirname(source.dscPath), "/build/source");
      await inside(session, "/build", ["chmod", "777", "/build"], { asRoot: true });
      await inside(session, "/build", ["dpkg-source", "--no-check", "-x", `source/${order.dscName}`, "/build/tree"]);
      const buildStartMs = performance.now();
      await inside(session, "/build/tree", ["dpkg-buildpackage", "--sanitize-env", "-us", "-uc", "-b", "-rfakeroot"]);
      return { seconds: (performance.now() - buildStartMs) / 1_000, sessionSeconds };
    } finally {
      await session.close();
    }
  }

  /** What is left are base layers. */
  async forgetDependencyLayers(): Promise<void> {
    await this.#testbeds.evict({ unusedForMs: -1 });
  }

  async remove(): Promise<void> {
    await this.#testbeds.close();
    // Trees of testbeds belong to subordinate uids: only the same id map can remove them.
    await runChecked({
      argv: ["mmdebstrap", "--unshare-helper", "sh", "-c", "rm -rf -- *"],
      cwd: join(this.#scratch, "testbeds/store"),
      timeoutMs: 300_000,
    });
    await rm(this.#scratch, { recursive: true, force: true });
  }

  async #order(source: SourceVersion, choices: BuildChoices): Promise<BuildOrder> {
    const { codename, architecture, sources } = this.release;
    const directory = dirname(source.dscPath);
    const dscName = source.dscPath.slice(directory.length + 1);
    const dsc = await readDsc(source.dscPath);
    const names = [dscName, ...dsc.files.map(({ name }) => name)];
    const { order } = newBuild({
      source: dsc.source,
      version: dsc.version,
      codename,
      architecture,
      baseSources: sources,
      dscName,
      files: await Promise.all(names.map((name) => describeFile(directory, name))),
      lintianMode: choices.lintian,
      autopkgtestMode: choices.autopkgtest ?? "disabled",
      piupartsMode: choices.piuparts ?? "disabled",
      debBuildProfiles: choices.profiles ?? [],
      limits: { timeoutMs: 1_800_000, silenceTimeoutMs: 600_000, logSizeBytesMax: 100_000_000 },
    });
    return { ...order, buildId: `${dsc.source}/${dsc.version}/20261122:130513:909198/${architecture}`, attempt: 1 };
  }
}

async function inside(
  session: TestbedSession,
  cwd: string,
  argv: readonly [string, ...string[]],
  options: { readonly asRoot?: boolean } = {},
): Promise<void> {
  const ended = await session.run({
    argv,
    cwd,
    ...options,
    env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C.UTF-8" },
    signal: AbortSignal.timeout(1_800_000),
    outputBytesMax: 100_000_000,
    onOutput: () => {},
  });
  if (ended.exitCode !== 0) throw new Error(`${argv.join(" ")} failed:\n${ended.stderr.toString("utf8").slice(-4_000)}`);
}

async function readDsc(path: string): Promise<Dsc> {
  return parseDsc(await readFile(path), path);
}

async function describeFile(directory: string, name: string): Promise<{ name: string; sizeBytes: number; sha256: string }> {
  const bytes = await readFile(join(directory, name));
  return { name, sizeBytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
}
