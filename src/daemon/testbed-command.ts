import { mkdtemp, rm } from "node:fs/promises";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import type { OrderAptSource } from "../buildorder/index.ts";
import type { DistributionTarget } from "../catalog/index.ts";
import { AppError, createLogger, systemClock } from "../runtime/index.ts";
import { aptFiles, fetchOptions, type Layer, type Session, Testbeds } from "../testbed/index.ts";
import { readCatalog } from "./catalog-in-force.ts";
import { parseCommandArguments } from "./command-arguments.ts";
import { type Config, loadConfig } from "./config.ts";
import { homePaths } from "./home.ts";
import { localUrl } from "./local-url.ts";
import { ownAptSource } from "./own-apt-source.ts";
import { LAYER_COMMANDS, manageLayers } from "./testbed-layers.ts";

const USAGE =
  "mini-buildd testbed --distribution NAME [--install PACKAGE]… [--home DIRECTORY] [-- COMMAND ARGUMENT…]\n       mini-buildd testbed list|refresh|check|remake|remove …";
const APT_ARCHIVES = "/var/cache/apt/archives";
const APT_LISTS = "/var/lib/apt/lists";

interface TestbedArguments {
  readonly home: string;
  readonly distribution: string;
  readonly packages: readonly string[];
  readonly command: readonly string[];
}

/**
 * `mini-buildd testbed`: a throw-away testbed with one of our distributions among its APT sources; packages are
 * installed with apt-get, then a command runs. Package code has no network: what apt needs is fetched in a session of
 * its own. Returns the command's exit status.
 */
export async function runInTestbed(args: readonly string[]): Promise<number> {
  if (LAYER_COMMANDS.some((name) => name === args[0])) return manageLayers(args);

  const given = parseArguments(args);
  const config = await loadConfig(given.home);
  const logger = createLogger("warn");
  const testbeds = await Testbeds.open({ directory: homePaths(given.home).testbeds, clock: systemClock, logger });
  const transferPath = await mkdtemp(join(tmpdir(), "mini-buildd-testbed-"));
  try {
    const { base, sources } = await prepareBase(testbeds, config, given);
    await fetchPackages({ testbeds, base, sources, given, transferPath });
    return await useTestbed({ testbeds, base, sources, given, transferPath });
  } finally {
    await rm(transferPath, { recursive: true, force: true });
    await testbeds.close();
  }
}

function parseArguments(args: readonly string[]): TestbedArguments {
  return parseCommandArguments(USAGE, () => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        home: { type: "string", default: "/var/lib/mini-buildd" },
        distribution: { type: "string" },
        install: { type: "string", multiple: true, default: [] },
      },
    });
    if (values.distribution === undefined) throw new Error("--distribution is missing");
    return { home: resolve(values.home), distribution: values.distribution, packages: values.install, command: positionals };
  });
}

/** The base layer that builds for the distribution stand on, and all sources apt shall see. */
async function prepareBase(
  testbeds: Testbeds,
  config: Config,
  given: TestbedArguments,
): Promise<{ base: Layer; sources: OrderAptSource[] }> {
  const catalog = await readCatalog(config);
  const target = catalog.findDistribution(given.distribution);
  const architecture = target?.architectures.find(({ buildsAll }) => buildsAll)?.name;
  if (target === undefined || architecture === undefined) throw distributionUnknown(given.distribution);

  const { base: baseSources, extra } = catalog.buildSources(target.codename);
  const own = await ownSource(config, target);
  const base = await testbeds.ensureBaseLayer({
    codename: target.codename,
    architecture,
    sources: baseSources,
    components: target.components,
    packages: target.basePackages,
    aptOptions: target.aptOptions,
    onProgress: tell,
  });
  return { base, sources: [...baseSources, ...extra, own] };
}

async function ownSource(config: Config, target: DistributionTarget): Promise<OrderAptSource> {
  const url = localUrl(config);
  return ownAptSource(target, { url, armoredKey: await fetchPublicKey(url), priority: 500, revision: "" });
}

function fetchPublicKey(url: string): Promise<string> {
  return new Promise((resolveKey, reject) => {
    const request = get(`${url}/mini_buildd/api/pub_key/?output=json`, (answer) => {
      text(answer).then((body) => resolveKey(JSON.parse(body) as string), reject);
    });
    request.once("error", (cause) => {
      reject(
        new AppError({
          kind: "unavailable",
          code: "SERVER_UNREACHABLE",
          message: `no mini-buildd answers at ${url}`,
          hint: "Start it with `mini-buildd serve`",
          cause,
        }),
      );
    });
  });
}

interface TestbedUse {
  readonly testbeds: Testbeds;
  readonly base: Layer;
  readonly sources: readonly OrderAptSource[];
  readonly given: TestbedArguments;
  /** Lists and packages go through here from the one session to the other. */
  readonly transferPath: string;
}

/** With network, and only apt: lists and packages are downloaded and taken out. */
async function fetchPackages({ testbeds, base, sources, given, transferPath }: TestbedUse): Promise<void> {
  tell("fetching package lists");
  const session = await testbeds.startSession({ layers: [base.id], network: "host" });
  try {
    await configureApt(session, sources);
    const aptGet = ["apt-get", "-q", ...(await fetchOptions())] as const;
    await session.runChecked({ argv: [...aptGet, "update"], timeoutMs: 600_000 });
    if (given.packages.length > 0) {
      const argv = [...aptGet, "-y", "--download-only", "--no-install-recommends", "install", ...given.packages] as const;
      await session.runChecked({ argv, timeoutMs: 600_000 });
    }
    await session.copyOut(`${APT_LISTS}/`, join(transferPath, "lists"));
    await session.copyOut(`${APT_ARCHIVES}/`, join(transferPath, "archives"));
  } finally {
    await session.close();
  }
}

/** Without network: install, show where each package comes from, run the command. */
async function useTestbed({ testbeds, base, sources, given, transferPath }: TestbedUse): Promise<number> {
  const session = await testbeds.startSession({ layers: [base.id] });
  try {
    await configureApt(session, sources);
    await session.copyIn(join(transferPath, "lists"), APT_LISTS);
    await session.copyIn(join(transferPath, "archives"), APT_ARCHIVES);
    for (const [name, argv] of installCommands(given.packages)) {
      tell(name);
      const ended = await session.run({ argv, env: { DEBIAN_FRONTEND: "noninteractive" }, timeoutMs: 600_000, onOutput: show });
      if (ended.exitCode !== 0) return ended.exitCode ?? 1;
    }
    const [program, ...rest] = given.command;
    if (program === undefined) return 0;
    const ended = await session.run({ argv: [program, ...rest], user: "sbuild", onOutput: show });
    return ended.exitCode ?? 1;
  } finally {
    await session.close();
  }
}

function installCommands(packages: readonly string[]): [string, [string, ...string[]]][] {
  if (packages.length === 0) return [];
  const options = ["-q", "-y", "-o", "Dpkg::Use-Pty=0", "--no-download", "--no-install-recommends"];
  return [
    [`apt-get install ${packages.join(" ")}`, ["apt-get", ...options, "install", ...packages]],
    [`apt-cache policy ${packages.join(" ")}`, ["apt-cache", "policy", ...packages]],
  ];
}

async function configureApt(session: Session, sources: readonly OrderAptSource[]): Promise<void> {
  await session.runChecked({ argv: ["rm", "-f", "/etc/apt/sources.list"] });
  for (const [path, input] of (await aptFiles(sources)).files) await session.runChecked({ argv: ["tee", path], input });
}

function tell(line: string): void {
  process.stderr.write(`== ${line}\n`);
}

function show(chunk: Uint8Array, stream: "stdout" | "stderr"): void {
  (stream === "stdout" ? process.stdout : process.stderr).write(chunk);
}

function distributionUnknown(name: string): AppError {
  return new AppError({
    kind: "not-found",
    code: "DISTRIBUTION_UNKNOWN",
    message: `this instance has no distribution ${name}`,
    hint: "mini-buildd status --with-repositories shows what there is",
  });
}
