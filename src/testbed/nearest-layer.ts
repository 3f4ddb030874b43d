import type { InstallPlan, PlannedPackage } from "./install-plan.ts";
import { findRecipe } from "./layer-recipe.ts";
import type { LayerStore } from "./layer-store.ts";
import type { Layer } from "./types.ts";

/** Each adds to what every file that is opened in a session is looked for in. */
const LAYERS_ON_EACH_OTHER_MAX = 3;
/** Less to take over is not worth a further layer. */
const SHARE_MIN = 1 / 2;

export interface Start {
  /** Nearest first. */
  readonly below: readonly string[];
  /** What is still to be installed. */
  readonly rest: InstallPlan;
}

/**
 * Where to start making a layer: on the one that has most of its packages and none beside them, made for the same layers
 * below; else on these. Two sets of packages that differ in a few are common: the same source a version later, sources
 * that use debhelper.
 */
export async function findStart(store: LayerStore, plan: InstallPlan, below: readonly string[]): Promise<Start> {
  const wanted = new Set(plan.install.map(contentOf));
  let best: { layer: Layer; has: ReadonlySet<string> } | undefined;
  for (const layer of await store.list()) {
    if (layer.kind !== "dependencies" || layer.on.length - below.length >= LAYERS_ON_EACH_OTHER_MAX - 1) continue;
    const recipe = await findRecipe(store, layer.id);
    if (recipe === undefined || recipe.stack.slice(1).join() !== below.join() || recipe.plan.remove.length > 0) continue;

    const has = new Set(recipe.plan.install.map(contentOf));
    const isWithin = has.size >= wanted.size * SHARE_MIN && [...has].every((content) => wanted.has(content));
    if (isWithin && has.size > (best?.has.size ?? 0)) best = { layer, has };
  }
  if (best === undefined) return { below, rest: plan };

  const { layer, has } = best;
  await store.markUsed(layer);
  const rest = { ...plan, install: plan.install.filter((planned) => !has.has(contentOf(planned))) };
  return { below: [layer.id, ...layer.on], rest };
}

function contentOf({ name, version, architecture, sha256 }: PlannedPackage): string {
  return [name, version, architecture, sha256].join(" ");
}
