import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runBuild, TestbedEnvironment } from "../../../src/builder/index.ts";
import type { BuildOrder, BuildResult, StepReport } from "../../../src/buildorder/index.ts";
import { parseDsc } from "../../../src/formats/index.ts";
import { defaultLimits, silentLogger, systemClock } from "../../../src/runtime/index.ts";
import { type TestbedLimits, Testbeds } from "../../../src/testbed/index.ts";
import { newBuild } from "../../support/farm.ts";
import { type HostRelease, readHostRelease } from "../../support/host-archive.ts";
import { makeSource, type SourceOptions } from "../../support/packages.ts";

/** A builder on real testbeds of this machine's own release. */
export interface RealBuilder {
  readonly release: HostRelease;
  readonly testbeds: Testbeds;
  build(sourceDirectory: string, dscName: string, options?: BuildOptions): Promise<RealBuild>;
  /** Generates the source package first. */
  buildGenerated(source: SourceOptions & { readonly buildDepends?: string }, options?: BuildOptions): Promise<RealBuild>;
  /** What plain lintian of that release prints about files of these directories. */
  plainLintian(directories: readonly string[], targets: readonly string[]): Promise<string>;
  dispose(): Promise<void>;
}

export interface BuildOptions {
  readonly order?: Partial<BuildOrder>;
  readonly signal?: AbortSignal;
  readonly onLog?: (text: string) => void;
}

export interface RealBuild {
  readonly result: BuildResult;
  readonly reports: readonly StepReport[];
  readonly log: string;
  readonly outputDirectory: string;
}

/** Layers are shared by all tests of a user: a base layer takes a minute. */
export function layersDirectory(): string {
  return process.env["MINI_BUILDD_TEST_LAYERS"] ?? `/var/tmp/mini-buildd-test-layers-${process.getuid?.() ?? 0}`;
}

export async function openRealBuilder(limits: Partial<TestbedLimits> = {}): Promise<RealBuilder> {
  const release = await readHostRelease();
  const testbeds = await Testbeds.open({
    directory: layersDirectory(),
    clock: systemClock,
    logger: silentLogger,
    // Layers are shared with other tests: those that look at what is kept say so.
    limits: { ...defaultLimits, failedTestbedAgeMsMax: 0, ...limits },
  });
  const environment = new TestbedEnvironment(testbeds);
  const scratch = await mkdtemp(join(tmpdir(), "mbd-build-"));
  let count = 0;

  const build: RealBuilder["build"] = async (sourceDirectory, dscName, options = {}) => {
    const outputDirectory = join(scratch, `out-${++count}`);
    const reports: StepReport[] = [];
    const chunks: Uint8Array[] = [];
    const result = await runBuild(await makeOrder(release, sourceDirectory, dscName, options.order), {
      environment,
      sourceDirectory,
      outputDirectory,
      logSink: {
        write: (chunk) => {
          chunks.push(Buffer.from(chunk));
          options.onLog?.(Buffer.from(chunk).toString("utf8"));
        },
      },
      report: async (report) => void reports.push(report),
      signal: options.signal ?? new AbortController().signal,
      limits: { ...defaultLimits, diskReserveBytes: 0 },
      clock: systemClock,
    });
    return { result, reports, log: Buffer.concat(chunks).toString("utf8"), outputDirectory };
  };

  return {
    release,
    testbeds,
    build,
    buildGenerated: async ({ buildDepends, ...source }, options) => {
      const directory = join(scratch, `source-${++count}`);
      await mkdir(directory);
      const { dsc } = await makeSource(directory, source);
      if (buildDepends !== undefined) await addField(dsc.path, `Build-Depends: ${buildDepends}`);
      return build(directory, dsc.name, options);
    },
    plainLintian: async (directories, targets) => {
      const base = await testbeds.ensureBaseLayer({ ...release, components: ["main"] });
      const request = { base, sources: release.sources, fields: {}, addDepends: ["lintian"], withBuildEssential: false };
      await using session = await testbeds.startSession(await testbeds.ensureDependencyLayer(request));
      for (const directory of directories) await session.copyIn(directory, "/build/files");
      const suppressed = "bad-distribution-in-changes-file,distribution-and-changes-mismatch";
      const argv = ["lintian", "--color=never", "--suppress-tags", suppressed, ...targets] as const;
      const ended = await session.run({ argv, user: "sbuild", cwd: "/build/files", env: { HOME: "/tmp" } });
      return ended.stdout.toString("utf8");
    },
    dispose: async () => {
      await testbeds.close();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

async function makeOrder(
  release: HostRelease,
  sourceDirectory: string,
  dscName: string,
  overrides: Partial<BuildOrder> = {},
): Promise<BuildOrder> {
  const dscPath = join(sourceDirectory, dscName);
  const dsc = parseDsc(await readFile(dscPath), dscName);
  const files = await Promise.all([dscName, ...dsc.files.map(({ name }) => name)].map((name) => describe(sourceDirectory, name)));
  const { order } = newBuild({
    source: dsc.source,
    version: dsc.version,
    codename: release.codename,
    architecture: release.architecture,
    baseSources: release.sources,
    dscName,
    files,
    limits: { timeoutMs: 600_000, silenceTimeoutMs: 300_000, logSizeBytesMax: 50_000_000 },
    ...overrides,
  });
  return { ...order, buildId: `${dsc.source}/${dsc.version}/20261122:130513:909198/${release.architecture}`, attempt: 1 };
}

async function describe(directory: string, name: string): Promise<{ name: string; sizeBytes: number; sha256: string }> {
  const bytes = await readFile(join(directory, name));
  return { name, sizeBytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
}

async function addField(path: string, field: string): Promise<void> {
  await writeFile(path, `${await readFile(path, "utf8")}${field}\n`);
}
