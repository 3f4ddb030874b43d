import { AppError, type Clock } from "../runtime/index.ts";
import { supersededBaseIds } from "./current-base.ts";
import { ARCHIVES_NAME } from "./install-packages.ts";
import type { LayerStore } from "./layer-store.ts";

/** Builds that began on a superseded base end in this time, or nearly all do: those that do not are tried again. */
const SUPERSEDED_UNUSED_MS = 48 * 60 * 60 * 1000;

/**
 * Base layers stay, unless newer ones have replaced them: making one costs most, and what stands on it would go too.
 * What stands on a replaced one is of no use to new builds.
 */
export async function evictUnused(store: LayerStore, clock: Clock, unusedForMs: number): Promise<string[]> {
  const superseded = await supersededBaseIds(store);
  const now = clock.now().getTime();
  const candidates = (await store.list()).filter(({ id, kind, on, usedAt }) => {
    const unusedMs = now - usedAt.getTime();
    const isOld = [id, ...on].some((below) => superseded.has(below));
    return (kind !== "base" && unusedMs > unusedForMs) || (isOld && unusedMs > SUPERSEDED_UNUSED_MS);
  });
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
