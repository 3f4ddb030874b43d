import { createHash } from "node:crypto";
import { AppError, type Clock, monotonicMs } from "../runtime/index.ts";
import { askApt, type PlanQuestion } from "./ask-apt.ts";
import { fetchPackages, installPackages, packagePath } from "./install-packages.ts";
import { type InstallPlan, isEmptyPlan, planLayerId } from "./install-plan.ts";
import { noteRecipe } from "./layer-recipe.ts";
import type { LayerStore } from "./layer-store.ts";
import { ensureLists, type OpenSession, sourceBinds } from "./lists-layer.ts";
import { findStart } from "./nearest-layer.ts";
import type { DependencyLayer, DependencyLayerRequest, Layer, WithheldPackage } from "./types.ts";

export interface DependencyContext {
  readonly store: LayerStore;
  readonly clock: Clock;
  readonly open: OpenSession;
  readonly listsAgeMsMax: number;
  /** One maker of a layer at a time; `make` is not called when the layer is there. */
  readonly ensureLayer: (
    id: string,
    signal: AbortSignal | undefined,
    make: (signal: AbortSignal) => Promise<Layer>,
  ) => Promise<Layer>;
  /** One download at a time: they share apt's archive directory. */
  readonly whileFetching: <T>(signal: AbortSignal | undefined, fetch: () => Promise<T>) => Promise<T>;
}

/** Resolve, fetch, install: each in a session of its own; only the middle one has a network, and runs nothing but apt. */
export async function ensureDependencies(context: DependencyContext, request: DependencyLayerRequest): Promise<DependencyLayer> {
  const startedMs = monotonicMs();
  try {
    return await attempt(context, request, startedMs, { isStale: false });
  } catch (error) {
    // The lists may name packages that the mirror has replaced since.
    if (!(error instanceof AppError) || error.code !== "MIRROR_UNAVAILABLE") throw error;
    return attempt(context, request, startedMs, { isStale: true });
  }
}

async function attempt(
  context: DependencyContext,
  request: DependencyLayerRequest,
  startedMs: number,
  { isStale }: { isStale: boolean },
): Promise<DependencyLayer> {
  const { store, clock, open } = context;
  const lists = await ensureLists(store, clock, open, { ...request, ageMsMax: context.listsAgeMsMax, isStale });

  const upgrade = await findPlan(context, request, [lists.id, request.base.id], { action: "upgrade" });
  const upgraded = await ensurePlanInstalled(context, request, upgrade, [request.base.id], lists, "upgrades of the base");

  const wanted = await findPlan(context, request, [lists.id, ...upgraded.layers], { action: "install", ...relations(request) });
  for (const remark of wanted.remarks ?? []) request.onProgress?.(remark);
  const { plan, withheld } = await withholdPackages(context, request, wanted, lists);
  const installed = await ensurePlanInstalled(
    context,
    request,
    plan,
    upgraded.layers,
    lists,
    `${plan.install.length} packages for builds`,
  );

  return {
    layers: installed.layers,
    packages: [...upgrade.install, ...plan.install].map(({ name, version, architecture }) => ({ name, version, architecture })),
    withheld,
    wasThere: upgraded.wasThere && installed.wasThere,
    durationMs: Math.round(monotonicMs() - startedMs),
  };
}

/** Without what is to be withheld, which is downloaded. */
async function withholdPackages(
  context: DependencyContext,
  request: DependencyLayerRequest,
  plan: InstallPlan,
  lists: Layer,
): Promise<{ plan: InstallPlan; withheld: WithheldPackage[] }> {
  const names = new Set(request.withhold);
  const apart = plan.install.filter(({ name }) => names.has(name));
  if (apart.length === 0) return { plan, withheld: [] };

  const { signal } = request;
  await context.whileFetching(signal, () => fetchPackages(context, request, { install: apart, remove: [] }, lists));
  return {
    plan: { ...plan, install: plan.install.filter(({ name }) => !names.has(name)) },
    withheld: apart.map((planned) => ({
      name: planned.name,
      version: planned.version,
      architecture: planned.architecture,
      path: packagePath(planned),
    })),
  };
}

function relations(request: DependencyLayerRequest): Omit<Extract<PlanQuestion, { action: "install" }>, "action"> {
  const { fields } = request;
  const withArchitecture = request.buildsArchitectureDependent ?? true;
  const withAll = request.buildsAll ?? false;
  const core = (request.withBuildEssential ?? true) ? ["build-essential:native", "fakeroot:native"] : [];
  const join = (...parts: (string | undefined | false)[]): string =>
    parts
      .filter((part) => typeof part === "string" && part.trim() !== "")
      .map((part) => String(part).trim().replace(/,$/, ""))
      .join(", ");
  return {
    positive: join(
      fields.buildDepends,
      ...(request.addDepends ?? []),
      ...core,
      withArchitecture && fields.buildDependsArch,
      withAll && fields.buildDependsIndep,
    ),
    negative: join(fields.buildConflicts, withArchitecture && fields.buildConflictsArch, withAll && fields.buildConflictsIndep),
    profiles: (request.profiles ?? []).join(" "),
    ...(request.alternatives === "all" ? { alternatives: "all" } : {}),
  };
}

/** What apt would do on this stack; remembered, as the lists layer's name stands for all that apt knows. */
async function findPlan(
  context: DependencyContext,
  request: DependencyLayerRequest,
  stack: readonly string[],
  question: PlanQuestion,
): Promise<InstallPlan> {
  const noteName = `plan-${createHash("sha256").update(JSON.stringify({ stack, question })).digest("hex").slice(0, 24)}`;
  const known = await context.store.readNote<InstallPlan>(noteName);
  if (known !== undefined) return known;

  request.onProgress?.(question.action === "upgrade" ? "looking for upgrades of the base" : "resolving build dependencies");
  const session = await context.open(stack, { network: "none", binds: await sourceBinds(request.sources) });
  try {
    const plan = await askApt(session, request, question);
    await context.store.writeNote(noteName, plan);
    return plan;
  } finally {
    await session.close();
  }
}

async function ensurePlanInstalled(
  context: DependencyContext,
  request: DependencyLayerRequest,
  plan: InstallPlan,
  below: readonly string[],
  lists: Layer,
  description: string,
): Promise<{ layers: readonly string[]; wasThere: boolean }> {
  if (isEmptyPlan(plan)) return { layers: below, wasThere: true };

  let wasThere = true;
  const id = planLayerId(plan, below);
  const layer = await context.ensureLayer(id, request.signal, async (signal) => {
    wasThere = false;
    // Others may be waiting for this layer too: it is not this caller's signal that aborts it.
    const shared = { ...request, signal };
    const start = await findStart(context.store, plan, below);
    await context.whileFetching(signal, () => fetchPackages(context, shared, start.rest, lists));
    const stack = [lists.id, ...below];
    await noteRecipe(context.store, id, { plan, stack, baseId: request.base.id, sources: request.sources });
    return installPackages(context, shared, start.rest, [lists.id, ...start.below], { id, below: start.below, description });
  });
  // It may stand on others that have a part of it.
  return { layers: [layer.id, ...layer.on], wasThere };
}
