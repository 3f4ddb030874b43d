import { AppError, type Clock } from "../runtime/index.ts";
import { supersededBaseIds } from "./current-base.ts";
import { ARCHIVES_NAME } from "./install-packages.ts";
import type { LayerStore } from "./layer-store.ts";
import { forgetOldNotes } from "./old-notes.ts";
import type { Layer } from "./types.ts";

/** Builds that began on a superseded base end in this time, or nearly all do: those that do not are tried again. */
const SUPERSEDED_UNUSED_MS = 48 * 60 * 60 * 1000;

/** Whoever was just given a layer may not have a session on it yet. */
const JUST_USED_MS = 10 * 60 * 1000;

/** A layer is made of what was downloaded for it in less time. */
const DOWNLOAD_NEEDED_MS = 60 * 60 * 1000;

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
  await forgetOldNotes(store, clock, Math.max(unusedForMs, SUPERSEDED_UNUSED_MS));
  const days = Math.max(1, Math.ceil(unusedForMs / 86_400_000));
  await store.asTestbedRoot(["sh", "-c", `[ ! -d ${ARCHIVES_NAME} ] || find ${ARCHIVES_NAME} -type f -atime +${days} -delete`]);
  return removed;
}

export interface ReliefOptions {
  /** Whether enough has gone. Asked before each removal; the size is what all layers that are left have. */
  readonly isEnough: (layersSizeBytes: number) => Promise<boolean> | boolean;
  /** Base layers may go too, last of all. */
  readonly withBases: boolean;
  /** Kept testbeds and nothing else. */
  readonly keptOnly?: boolean | undefined;
}

/**
 * Removes layers, kept testbeds and then those used least recently first, until it is enough; never one in use, nor one that was handed out
 * just now. A layer goes with those that stand on it, so it counts as used when the last of them was.
 */
export async function relieve(store: LayerStore, clock: Clock, options: ReliefOptions): Promise<string[]> {
  const removed: string[] = [];
  const kept = new Set<string>();
  for (;;) {
    const layers = await store.list();
    const sizeBytes = layers.reduce((sum, layer) => sum + layer.sizeBytes, 0);
    if (await options.isEnough(sizeBytes)) return removed;

    const next = nextToGo(layers, kept, clock.now().getTime(), options);
    if (next === undefined) return removed;
    if (await removeUnlessInUse(store, next.id)) removed.push(next.id);
    else kept.add(next.id);
  }
}

/** Nothing stands on it: what does is used at least as recently, and goes before it, being there for nothing else. */
function nextToGo(layers: readonly Layer[], kept: ReadonlySet<string>, nowMs: number, options: ReliefOptions): Layer | undefined {
  const byAge = (a: Layer, b: Layer): number => a.createdAt.getTime() - b.createdAt.getTime();
  const [oldest] = layers.filter(({ id, kind }) => kind === "kept" && !kept.has(id)).toSorted(byAge);
  if (oldest !== undefined || options.keptOnly === true) return oldest;

  const below = new Set(layers.flatMap(({ on }) => on));
  const free = layers.filter(({ id, usedAt }) => !below.has(id) && !kept.has(id) && nowMs - usedAt.getTime() > JUST_USED_MS);
  const byUse = (a: Layer, b: Layer): number => a.usedAt.getTime() - b.usedAt.getTime();
  const others = free.filter(({ kind }) => kind !== "base").toSorted(byUse);
  return others[0] ?? (options.withBases ? free.toSorted(byUse)[0] : undefined);
}

/**
 * Downloaded packages can be downloaded again: those not used for longest go until the rest is within the bound. What was
 * looked at within the hour stays, as a layer may be about to be made of it (`missingPackages` touches it).
 */
export async function boundDownloads(store: LayerStore, clock: Clock, sizeBytesMax: number): Promise<void> {
  const untouchedSince = Math.floor((clock.now().getTime() - DOWNLOAD_NEEDED_MS) / 1000);
  const script = `
    [ -d ${ARCHIVES_NAME} ] || exit 0
    find ${ARCHIVES_NAME} -type f ! -newerct "$2" -printf '%A@ %s %p\\n' | sort -rn | while read -r used size path; do
      total=$((\${total:-0} + size))
      [ "$total" -le "$1" ] || rm -f -- "$path"
    done`;
  await store.asTestbedRoot(["sh", "-c", script, "sh", String(sizeBytesMax), `@${untouchedSince}`]);
}

export async function removeUnlessInUse(store: LayerStore, id: string): Promise<boolean> {
  try {
    await store.remove(id);
    return true;
  } catch (error) {
    // Somebody else may have removed it.
    if (error instanceof AppError && error.code === "LAYER_NOT_FOUND") return true;
    if (error instanceof AppError && error.code === "LAYER_IN_USE") return false;
    throw error;
  }
}
