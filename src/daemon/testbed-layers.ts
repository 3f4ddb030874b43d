import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Catalog, DistributionTarget } from "../catalog/index.ts";
import { AppError, createLogger, systemClock } from "../runtime/index.ts";
import { type BaseLayerRequest, type BaseRefresh, type Layer, Testbeds } from "../testbed/index.ts";
import { readCatalog } from "./catalog-in-force.ts";
import { parseCommandArguments } from "./command-arguments.ts";
import { loadConfig } from "./config.ts";
import { homePaths } from "./home.ts";

const USAGE = `mini-buildd testbed list | refresh [--home DIRECTORY]
       mini-buildd testbed check [LAYER] [--home DIRECTORY]
       mini-buildd testbed remake | remove CODENAME [--architecture NAME] [--home DIRECTORY]`;

export const LAYER_COMMANDS = ["list", "refresh", "check", "remake", "remove"] as const;
type LayerCommand = (typeof LAYER_COMMANDS)[number];

interface LayerArguments {
  readonly command: LayerCommand;
  readonly home: string;
  /** Of "check": the layer. */
  readonly codename: string | undefined;
  readonly architecture: string | undefined;
}

/**
 * `mini-buildd testbed list|refresh|check|remake|remove`: looks after layers, also beside a running daemon: builds that run
 * keep what they stand on. Returns the exit status.
 */
export async function manageLayers(args: readonly string[]): Promise<number> {
  const given = parseArguments(args);
  const directory = homePaths(given.home).testbeds;
  const testbeds = await Testbeds.open({ directory, clock: systemClock, logger: createLogger("warn") });
  try {
    if (given.command === "list") return printLines((await testbeds.listLayers()).map(describeLayer));
    if (given.command === "refresh") return await refresh(testbeds);
    if (given.command === "check") return await check(testbeds, given.codename);
    return given.command === "remake" ? await remake(testbeds, given) : await remove(testbeds, given);
  } finally {
    await testbeds.close();
  }
}

function parseArguments(args: readonly string[]): LayerArguments {
  return parseCommandArguments(USAGE, () => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { home: { type: "string", default: "/var/lib/mini-buildd" }, architecture: { type: "string" } },
    });
    const [name, codename, ...rest] = positionals;
    const command = LAYER_COMMANDS.find((known) => known === name);
    if (command === undefined) throw new Error(`there is no command ${name}`);
    if (rest.length > 0) throw new Error(`${rest.join(" ")} is too much`);
    const isAboutOne = command === "remake" || command === "remove";
    if (command === "check") return { command, home: resolve(values.home), codename, architecture: undefined };
    if (isAboutOne !== (codename !== undefined))
      throw new Error(isAboutOne ? "the codename is missing" : "no codename goes here");
    return { command, home: resolve(values.home), codename, architecture: values.architecture };
  });
}

async function refresh(testbeds: Testbeds): Promise<number> {
  const results = await testbeds.refreshBaseLayers({ usedAfter: new Date(0), onProgress: tell });
  printLines(results.map(describeRefresh));
  return results.some(({ outcome }) => outcome === "failed") ? 1 : 0;
}

/** Each layer of packages is made afresh and compared; exit status 1 when one differs. */
async function check(testbeds: Testbeds, layerId: string | undefined): Promise<number> {
  const all = (await testbeds.listLayers()).filter(({ kind }) => kind === "dependencies").map(({ id }) => id);
  const results = [];
  for (const id of layerId === undefined ? all : [layerId]) {
    tell(`making ${id} afresh`);
    const result = await testbeds.checkLayer(id);
    results.push(result);
    printLines([`${id} ${result.outcome}`, ...result.differences.map((difference) => `  ${difference}`)]);
  }
  return results.some(({ outcome }) => outcome === "different") ? 1 : 0;
}

async function remake(testbeds: Testbeds, { home, codename = "", architecture }: LayerArguments): Promise<number> {
  const request = baseRequest(await readCatalog(await loadConfig(home)), codename, architecture);
  return printLines([describeLayer(await testbeds.remakeBaseLayer({ ...request, onProgress: tell }))]);
}

/** Layers may outlive their codename's place in the catalog: whatever there is can be removed. */
async function remove(testbeds: Testbeds, { codename = "", architecture }: LayerArguments): Promise<number> {
  const bases = (await testbeds.listLayers()).filter((layer) => layer.kind === "base" && layer.codename === codename);
  const chosen = architecture ?? bases[0]?.architecture ?? "any architecture";
  return printLines((await testbeds.removeBaseLayers(codename, chosen)).map((id) => `removed ${id}`));
}

/** As builds ask for it. AppError not-found CODENAME_UNKNOWN. */
export function baseRequest(catalog: Catalog, codename: string, architecture: string | undefined): BaseLayerRequest {
  const sources = catalog.buildSources(codename).base;
  const target = catalog.listDistributions().find((distribution) => distribution.codename === codename);
  if (target === undefined) throw codenameUnused(codename);

  return {
    codename,
    architecture: architecture ?? defaultArchitecture(target),
    sources,
    components: target.components,
    packages: target.basePackages,
    aptOptions: target.aptOptions,
  };
}

function defaultArchitecture({ architectures }: DistributionTarget): string {
  return (architectures.find(({ buildsAll }) => buildsAll) ?? architectures[0])?.name ?? "";
}

function describeLayer({ id, sizeBytes, usedAt, description }: Layer): string {
  const size = `${Math.round(sizeBytes / 1_000_000)} MB`.padStart(8);
  return `${id.padEnd(48)} ${size}  used ${usedAt.toISOString().slice(0, 16)}Z  ${description}`;
}

function describeRefresh({ codename, architecture, outcome, outdatedPackages, layerId, error }: BaseRefresh): string {
  const why = outcome === "failed" ? `: ${error instanceof Error ? error.message : String(error)}` : "";
  const remade = outcome === "remade" ? ` (${outdatedPackages} packages had newer versions)` : "";
  return `${codename} ${architecture} ${outcome}${remade}${why}  ${layerId}`;
}

function printLines(lines: readonly string[]): number {
  for (const line of lines) process.stdout.write(`${line}\n`);
  return 0;
}

function tell(line: string): void {
  process.stderr.write(`== ${line}\n`);
}

function codenameUnused(codename: string): AppError {
  return new AppError({
    kind: "not-found",
    code: "CODENAME_UNUSED",
    message: `no repository builds for ${codename}, so it has no base layer`,
    hint: "Name the codename in a repository of etc/catalog.toml, and apply that",
  });
}
