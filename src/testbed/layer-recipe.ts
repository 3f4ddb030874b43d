import type { OrderAptSource } from "../buildorder/index.ts";
import type { InstallPlan } from "./install-plan.ts";
import type { LayerStore } from "./layer-store.ts";

/** What a layer of packages was made of, to make it again. */
export interface LayerRecipe {
  readonly plan: InstallPlan;
  /** Package lists, then what the layer stands on, nearest first. */
  readonly stack: readonly string[];
  readonly baseId: string;
  readonly sources: readonly OrderAptSource[];
}

export async function noteRecipe(store: LayerStore, layerId: string, recipe: LayerRecipe): Promise<void> {
  await store.writeNote(recipeNote(layerId), recipe);
}

/** Undefined for layers of older programs, and when it was removed with its layer. */
export async function findRecipe(store: LayerStore, layerId: string): Promise<LayerRecipe | undefined> {
  return store.readNote<LayerRecipe>(recipeNote(layerId));
}

export function recipeNote(layerId: string): string {
  return `recipe-${layerId}`;
}
