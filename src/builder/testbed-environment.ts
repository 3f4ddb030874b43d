import type { BuildOrder } from "../buildorder/index.ts";
import type { Dsc } from "../formats/index.ts";
import { AppError, assert } from "../runtime/index.ts";
import type { CompilerCacheName, DependencyLayer, HeldSessions, Layer, Session, Testbeds } from "../testbed/index.ts";
import type {
  BuildEnvironment,
  BuildScope,
  CheckTestbedRequest,
  HeldTestbed,
  KeptAbout,
  PreparedCompilerCache,
  PreparedTestbed,
  SessionLimitPassed,
  TestbedRequest,
  TestbedSession,
} from "./environment.ts";

/** The user that package code runs as inside. */
const BUILD_USER = "sbuild";

/** Builds in sessions of this machine's own testbeds. */
export class TestbedEnvironment implements BuildEnvironment {
  readonly #testbeds: Testbeds;

  constructor(testbeds: Testbeds) {
    this.#testbeds = testbeds;
  }

  async prepareBuildTestbed(request: TestbedRequest & { scope: BuildScope; dsc: Dsc }): Promise<PreparedTestbed> {
    const base = await this.#ensureBase(request);
    return withSufficingSources(request, (sources) => this.#prepareWith(request, base, sources));
  }

  onLimitPassed(buildId: string, listener: (passed: SessionLimitPassed) => void): () => void {
    return this.#testbeds.onLimitPassed(buildId, listener);
  }

  killSessions(buildId: string): Promise<void> {
    return this.#testbeds.killSessions(buildId);
  }

  holdTestbed(buildId: string): HeldTestbed {
    return new HeldBuild(this.#testbeds, buildId);
  }

  async prepareCheckTestbed(request: CheckTestbedRequest): Promise<PreparedTestbed> {
    const base = await this.#ensureBase(request);
    const { order, depends, previous = [] } = request;
    return withSufficingSources(request, async (sources) => {
      const layer = await this.#testbeds.ensureDependencyLayer({
        base,
        sources,
        fields: {},
        addDepends: [...depends, ...previous.map(({ name, version }) => `${name} (= ${version})`)],
        alternatives: "all",
        withhold: previous.map(({ name }) => name),
        withBuildEssential: false,
        ...layerOptions(request),
      });
      return this.#prepared("layer of dependencies", layer, order);
    });
  }

  async #prepareWith(
    request: TestbedRequest & { scope: BuildScope; dsc: Dsc },
    base: Layer,
    sources: BuildOrder["baseSources"],
  ): Promise<PreparedTestbed> {
    const { order, scope, dsc } = request;
    const { depends, dependsArch, dependsIndep, conflicts, conflictsArch, conflictsIndep } = dsc.buildDepends;
    const layer = await this.#testbeds.ensureDependencyLayer({
      base,
      sources,
      fields: {
        buildDepends: depends,
        buildDependsArch: dependsArch,
        buildDependsIndep: dependsIndep,
        buildConflicts: conflicts,
        buildConflictsArch: conflictsArch,
        buildConflictsIndep: conflictsIndep,
      },
      addDepends: [...order.addDepends, ...(order.compilerCache === undefined ? [] : ["ccache"])],
      profiles: order.debBuildProfiles,
      alternatives: order.takesAlternatives === true ? "all" : "first",
      buildsArchitectureDependent: scope.any,
      buildsAll: scope.all,
      ...layerOptions(request),
    });
    return this.#forSbuild(this.#prepared("dependency layer", layer, order), order);
  }

  /** What sbuild leaves in it is held; it may have a compiler cache. */
  #forSbuild(testbed: PreparedTestbed, order: BuildOrder): PreparedTestbed {
    const { buildId: owner, source, codename, architecture } = order;
    const common = { layers: testbed.layers, owner, isHeld: true };
    if (order.compilerCache === undefined) return { ...testbed, virtServer: this.#testbeds.virtServerCommand(common) };

    const name: CompilerCacheName = { repository: order.compilerCache.repository, source, codename, architecture };
    return {
      ...testbed,
      virtServer: this.#testbeds.virtServerCommand({ ...common, compilerCache: name }),
      compilerCache: this.#preparedCompilerCache(owner),
    };
  }

  #preparedCompilerCache(owner: string): PreparedCompilerCache {
    return {
      ...this.#testbeds.compilerCacheUse,
      store: async () => {
        const layer = await this.#testbeds.storeCompilerCache(owner);
        assert(layer !== undefined, "a testbed with a compiler cache is closed by sbuild, which keeps it");
        return layer;
      },
      discard: () => this.#testbeds.discardCompilerCache(owner),
    };
  }

  /** Tools come from the base release only: what a repository of ours has must not change what checks say. */
  async prepareToolTestbed(request: TestbedRequest & { packages: readonly string[] }): Promise<PreparedTestbed> {
    const base = await this.#ensureBase(request);
    const layer = await this.#testbeds.ensureDependencyLayer({
      base,
      sources: request.order.baseSources,
      fields: {},
      addDepends: request.packages,
      withBuildEssential: false,
      ...layerOptions(request),
    });
    return this.#prepared(`${request.packages.join(", ")} layer`, layer, request.order);
  }

  async #ensureBase(request: TestbedRequest): Promise<Layer> {
    const { codename, architecture, baseSources, components, basePackages, aptOptions } = request.order;
    return this.#testbeds.ensureBaseLayer({
      codename,
      architecture,
      sources: baseSources,
      components,
      packages: basePackages,
      aptOptions,
      ...layerOptions(request),
    });
  }

  #prepared(what: string, layer: DependencyLayer, { buildId }: BuildOrder): PreparedTestbed {
    const { layers, packages, wasThere, durationMs } = layer;
    const how = wasThere ? "reused" : `made in ${(durationMs / 1_000).toFixed(1)} s`;
    return {
      summary: `${what} ${how} (${packages.length} package${packages.length === 1 ? "" : "s"})`,
      virtServer: this.#testbeds.virtServerCommand({ layers, owner: buildId }),
      openSession: async ({ signal, inner }) =>
        new UserSession(
          await this.#testbeds.startSession({
            layers,
            owner: buildId,
            signal,
            innerLayers: inner?.layers,
            withPackages: (inner?.previousPaths.length ?? 0) > 0,
          }),
        ),
      layers,
      previousPaths: layer.withheld.map(({ path }) => path),
    };
  }
}

/** First without what is only to be used if needed: then nothing of it has to be downloaded for most builds. */
async function withSufficingSources<T>(
  { order, onProgress }: TestbedRequest,
  prepare: (sources: BuildOrder["baseSources"]) => Promise<T>,
): Promise<T> {
  const all = allSources(order);
  const sufficing = all.filter((source) => source.onlyIfNeeded !== true);
  if (sufficing.length === all.length) return prepare(all);

  try {
    return await prepare(sufficing);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "BUILD_DEPENDS_UNSATISFIABLE") throw error;
    onProgress("the base cannot satisfy the dependencies alone: looking at our own distributions too");
    return prepare(all);
  }
}

/** sbuild's session, which outlives it as a directory. */
class HeldBuild implements HeldTestbed {
  readonly #testbeds: Testbeds;
  readonly #owner: string;
  readonly #held: HeldSessions;

  constructor(testbeds: Testbeds, owner: string) {
    this.#testbeds = testbeds;
    this.#owner = owner;
    this.#held = testbeds.holdSessions(owner);
  }

  discard(): Promise<void> {
    return this.#held.discard();
  }

  async keep(about: KeptAbout, look: (session: TestbedSession) => Promise<void>): ReturnType<HeldTestbed["keep"]> {
    const owner = this.#owner;
    const layer = await this.#held.keep({ owner, ...about }, async ({ id, on }) => {
      await using session = await this.#testbeds.startSession({ layers: [id, ...on], owner });
      await look(new UserSession(session));
    });
    return layer === undefined ? undefined : this.#testbeds.settleKept(layer);
  }
}

/** A session in which everything runs as the ordinary user, unless it asks for more. */
class UserSession implements TestbedSession {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async run(command: Parameters<TestbedSession["run"]>[0]): ReturnType<TestbedSession["run"]> {
    const { asRoot = false, ...rest } = command;
    return this.#session.run({ ...rest, user: asRoot ? "root" : BUILD_USER });
  }

  async copyIn(fromDirectory: string, toDirectory: string): Promise<void> {
    await this.#session.runChecked({ argv: ["mkdir", "-p", toDirectory] });
    await this.#session.copyIn(fromDirectory, toDirectory);
  }

  copyOut(...given: Parameters<TestbedSession["copyOut"]>): Promise<void> {
    return this.#session.copyOut(...given);
  }

  packOut(...given: Parameters<TestbedSession["packOut"]>): Promise<void> {
    return this.#session.packOut(...given);
  }

  async close(): Promise<void> {
    await this.#session.close();
  }
}

function allSources(order: BuildOrder): BuildOrder["baseSources"] {
  return [...order.baseSources, ...order.extraSources];
}

function layerOptions({
  onOutput,
  onProgress,
  signal,
}: TestbedRequest): Pick<TestbedRequest, "onOutput" | "onProgress" | "signal"> {
  return { onOutput, onProgress, signal };
}
