import { AppError, type Clock } from "../runtime/index.ts";
import { ARCHIVES_NAME } from "./install-packages.ts";
import type { LayerStore } from "./layer-store.ts";

/** Base layers stay: making one costs most, and what stands on it would go too. */
export async function evictUnused(store: LayerStore, clock: Clock, unusedForMs: number): Promise<string[]> {
  const before = clock.now().getTime() - unusedForMs;
  const candidates = (await store.list()).filter((layer) => layer.kind !== "base" && layer.usedAt.getTime() < before);
  const removed: string[] = [];
  // What stands on others goes first.
  for (const layer of candidates.toSorted((a, b) => b.on.length - a.on.length)) {
    if (await removeUnlessInUse(store, layer.id)) removed.push(layer.id);
  }
  const days = Math.max(1, Math.ceil(unusedForMs / 86_400_000));
  await store.asTestbedRoot(["sh", "-c", `[ ! -d ${ARCHIVES_NAME} ] || find ${ARCHIVES_NAME} -type f -atime +${days} -delete`]);
  return removed;
}

async function removeUnlessInUse(store: LayerStore, id: string): Promise<boolean> {
  try {
    await store.remove(id);
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === "LAYER_IN_USE") return false;
    throw error;
  }
}
