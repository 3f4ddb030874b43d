import { randomBytes } from "node:crypto";
import type { Clock } from "../runtime/index.ts";
import { relieve, removeUnlessInUse } from "./evict.ts";
import type { LayerStore } from "./layer-store.ts";
import type { KeptFor, KeptTestbed, Layer, TestbedLimits } from "./types.ts";

export type KeptLimits = Pick<TestbedLimits, "failedTestbedAgeMsMax" | "failedTestbedsMax" | "failedTestbedsSizeBytesMax">;

/**
 * Makes a tree below the store, what a session had written on these layers, a layer on them. No process is kept: it
 * survives a daemon, takes no place of a build, and what is run in it later is a session as any other.
 */
export async function keepTree(
  store: LayerStore,
  treePath: string,
  { keptFor, id, on }: { keptFor: KeptFor; id: string; on: readonly string[] },
): Promise<Layer> {
  const { codename = "", architecture = "" } = (await store.find(on[0] ?? "")) ?? {};
  return store.commit(treePath, { id, kind: "kept", codename, architecture, description: keptFor.owner, on, keptFor });
}

export function newKeptId(): string {
  return `kept-${randomBytes(6).toString("hex")}`;
}

/** The oldest first; those that have expired are not there. */
export async function listKept(store: LayerStore, clock: Clock, limits: KeptLimits): Promise<KeptTestbed[]> {
  const now = clock.now();
  return (await keptLayers(store))
    .map((layer) => keptTestbed(layer, limits))
    .filter(({ expiresAt }) => expiresAt > now)
    .toReversed();
}

function keptTestbed(layer: Layer, { failedTestbedAgeMsMax }: KeptLimits): KeptTestbed {
  const { id, on, sizeBytes, createdAt, keptFor } = layer;
  return {
    ...(keptFor ?? { owner: layer.description, environment: {}, command: "" }),
    layers: [id, ...on],
    sizeBytes,
    keptAt: createdAt,
    expiresAt: new Date(createdAt.getTime() + failedTestbedAgeMsMax),
  };
}

/** Removes those that have expired, and the oldest beyond the bounds; none in use. Returns their ids. */
export async function boundKept(store: LayerStore, clock: Clock, limits: KeptLimits): Promise<string[]> {
  const keptSince = clock.now().getTime() - limits.failedTestbedAgeMsMax;
  const removed: string[] = [];
  let count = 0;
  let sizeBytes = 0;
  for (const layer of await keptLayers(store)) {
    const isWanted =
      layer.createdAt.getTime() > keptSince &&
      count < limits.failedTestbedsMax &&
      sizeBytes + layer.sizeBytes <= limits.failedTestbedsSizeBytesMax;
    if (isWanted) {
      count += 1;
      sizeBytes += layer.sizeBytes;
    } else if (await removeUnlessInUse(store, layer.id)) removed.push(layer.id);
  }
  return removed;
}

/** - because: which limit kept it from being kept; ends a sentence. */
export type KeptVerdict = { readonly until: Date } | { readonly because: string };

/** What was just kept stays as far as the limits allow. */
export async function settleKept(store: LayerStore, clock: Clock, limits: KeptLimits, layer: Layer): Promise<KeptVerdict> {
  if (limits.failedTestbedAgeMsMax === 0) await removeUnlessInUse(store, layer.id);
  else await boundKept(store, clock, limits);
  if ((await store.find(layer.id)) === undefined) return { because: whyNotKept(layer, limits) };
  return { until: keptTestbed(layer, limits).expiresAt };
}

function whyNotKept({ sizeBytes }: Layer, limits: KeptLimits): string {
  if (limits.failedTestbedAgeMsMax === 0) return "none are (limit failedTestbedAgeMsMax)";
  if (sizeBytes <= limits.failedTestbedsSizeBytesMax) return "others are (limit failedTestbedsMax)";
  return `it has ${Math.ceil(sizeBytes / 1024 ** 2)} MiB (limit failedTestbedsSizeBytesMax)`;
}

/** The oldest first, until it is enough. Returns the ids of the removed. */
export function relieveKept(store: LayerStore, clock: Clock, isEnough: () => Promise<boolean>): Promise<string[]> {
  return relieve(store, clock, { isEnough, withBases: false, keptOnly: true });
}

/** The newest first. */
async function keptLayers(store: LayerStore): Promise<Layer[]> {
  const kept = (await store.list()).filter(({ kind }) => kind === "kept");
  return kept.toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
}
