import { AppError, type Clock } from "../runtime/index.ts";
import { baseLayerId, makeBaseLayer } from "./base-layer.ts";
import { withFileLock } from "./file-lock.ts";
import type { LayerStore } from "./layer-store.ts";
import { ensureLists, type OpenSession, sourceBinds } from "./lists-layer.ts";
import type { BaseLayerRequest, BaseRefresh, Layer, LayerMakingOptions } from "./types.ts";

const SIMULATION_TIMEOUT_MS = 10 * 60 * 1000;

/** How a base layer was asked for, without who asks. */
type BaseDescription = Omit<BaseLayerRequest, keyof LayerMakingOptions>;

/** Which layer is the base of a description now. The same release is made again when the archive moved. */
interface CurrentBase {
  readonly layerId: string;
  readonly description: BaseDescription;
}

export interface BaseContext {
  readonly store: LayerStore;
  readonly clock: Clock;
  readonly open: OpenSession;
  /** Lists older than this are downloaded again. */
  readonly listsAgeMsMax: number;
}

const NOTE_PREFIX = "current-";

/** The base layer that builds use now; undefined when none was made, or it was removed. */
export async function findCurrentBase(store: LayerStore, request: BaseLayerRequest): Promise<Layer | undefined> {
  const key = baseLayerId(request);
  const note = await store.readNote<CurrentBase>(NOTE_PREFIX + key);
  const layer = note === undefined ? undefined : await store.find(note.layerId);
  if (layer !== undefined) return layer;

  const first = await store.find(key);
  if (first !== undefined) await noteCurrent(store, request, first);
  return first;
}

/** The first one. The caller holds the lock for this description. */
export async function makeFirstBase(store: LayerStore, request: BaseLayerRequest): Promise<Layer> {
  return makeCurrent(store, request, baseLayerId(request));
}

/**
 * Make it again. Builds that run keep the old one, which goes when nothing has used it for a while; builds from now on
 * get the new one. Two that ask at the same time share the result.
 */
export async function remakeBase({ store, clock }: BaseContext, request: BaseLayerRequest): Promise<Layer> {
  const key = baseLayerId(request);
  const before = await findCurrentBase(store, request);
  return withFileLock(store.lockPath(key), request.signal, async () => {
    const now = await findCurrentBase(store, request);
    if (now !== undefined && now.id !== before?.id) return now;

    const madeAt = clock.now().toISOString().slice(0, 19).replaceAll(/[-:]/g, "").toLowerCase();
    return makeCurrent(store, request, now === undefined ? key : `${key}-${madeAt}`);
  });
}

/** Look at the archive of each base layer that was used lately, and make those again that are out of date. */
export async function refreshBases(
  context: BaseContext,
  options: LayerMakingOptions & { usedAfter: Date },
): Promise<BaseRefresh[]> {
  const results: BaseRefresh[] = [];
  for (const { layerId, description } of await listCurrentBases(context.store)) {
    options.signal?.throwIfAborted();
    const layer = await context.store.find(layerId);
    if (layer === undefined || layer.usedAt < options.usedAfter) continue;
    results.push(await refreshBase(context, layer, { ...description, ...makingOptions(options) }));
  }
  return results;
}

/**
 * Every base layer of a release, and what stands on it. AppError conflict LAYER_IN_USE before anything is removed when
 * a session uses one of them; not-found LAYER_NOT_FOUND.
 */
export async function removeBases(store: LayerStore, codename: string, architecture: string): Promise<string[]> {
  const layers = (await store.list()).filter((layer) => layer.codename === codename && layer.architecture === architecture);
  if (!layers.some(({ kind }) => kind === "base")) throw noBase(codename, architecture);

  const used = new Set((await store.sessionRecords()).flatMap((record) => record.layers));
  const inUse = layers.filter(({ id }) => used.has(id)).map(({ id }) => id);
  if (inUse.length > 0) throw basesInUse(codename, architecture, inUse);

  // What stands on others goes first.
  const removed = layers.toSorted((a, b) => b.on.length - a.on.length).map(({ id }) => id);
  for (const id of removed) await store.remove(id);
  return removed;
}

/** Base layers that newer ones of the same description have replaced. */
export async function supersededBaseIds(store: LayerStore): Promise<Set<string>> {
  const bases = (await store.list()).filter(({ kind }) => kind === "base");
  const superseded = new Set<string>();
  for (const { layerId, description } of await listCurrentBases(store)) {
    const key = baseLayerId(description);
    for (const { id } of bases) if (id !== layerId && (id === key || id.startsWith(`${key}-`))) superseded.add(id);
  }
  return superseded;
}

/** Notes about layers that were removed go. */
async function listCurrentBases(store: LayerStore): Promise<CurrentBase[]> {
  const notes: CurrentBase[] = [];
  for (const name of await store.noteNames(NOTE_PREFIX)) {
    const note = await store.readNote<CurrentBase>(name);
    if (note === undefined) continue;
    if ((await store.find(note.layerId)) === undefined) await store.removeNote(name);
    else notes.push(note);
  }
  return notes;
}

async function makeCurrent(store: LayerStore, request: BaseLayerRequest, id: string): Promise<Layer> {
  const layer = await makeBaseLayer(store, request, id);
  await noteCurrent(store, request, layer);
  return layer;
}

async function noteCurrent(store: LayerStore, request: BaseLayerRequest, layer: Layer): Promise<void> {
  const { codename, architecture, sources, components, packages, aptOptions, variant } = request;
  const description = { codename, architecture, sources, components, packages, aptOptions, variant };
  await store.writeNote(NOTE_PREFIX + baseLayerId(request), { layerId: layer.id, description } satisfies CurrentBase);
}

async function refreshBase(context: BaseContext, layer: Layer, request: BaseLayerRequest): Promise<BaseRefresh> {
  const { codename, architecture } = request;
  const same = { codename, architecture, layerId: layer.id };
  try {
    const outdatedPackages = await countOutdated(context, layer, request);
    if (outdatedPackages === 0) return { ...same, outcome: "current", outdatedPackages };

    request.onProgress?.(`${codename} ${architecture}: ${outdatedPackages} packages have newer versions`);
    const remade = await remakeBase(context, request);
    return { ...same, layerId: remade.id, outcome: "remade", outdatedPackages };
  } catch (error) {
    request.signal?.throwIfAborted();
    // One archive that does not answer must not keep the other bases old.
    return { ...same, outcome: "failed", outdatedPackages: 0, error };
  }
}

/** How many packages of the layer apt would upgrade. */
async function countOutdated(context: BaseContext, layer: Layer, request: BaseLayerRequest): Promise<number> {
  const { store, clock, open, listsAgeMsMax } = context;
  const { sources, signal } = request;
  const lists = await ensureLists(store, clock, open, {
    base: layer,
    sources,
    ageMsMax: listsAgeMsMax,
    ...makingOptions(request),
  });
  const session = await open([lists.id, layer.id], { network: "none", binds: await sourceBinds(sources) });
  try {
    const argv = ["apt-get", "-q", "-y", "--simulate", "dist-upgrade"] as const;
    const ended = await session.runChecked({ argv, timeoutMs: SIMULATION_TIMEOUT_MS, signal });
    return ended.stdout.toString("utf8").match(/^Inst /gm)?.length ?? 0;
  } finally {
    await session.close();
  }
}

function makingOptions({ onOutput, onProgress, signal }: LayerMakingOptions): LayerMakingOptions {
  return { onOutput, onProgress, signal };
}

function noBase(codename: string, architecture: string): AppError {
  return new AppError({
    kind: "not-found",
    code: "LAYER_NOT_FOUND",
    message: `there is no base layer of ${codename} for ${architecture}`,
    hint: "`mini-buildd testbed list` shows those that there are; a build makes one when it needs it",
  });
}

function basesInUse(codename: string, architecture: string, ids: readonly string[]): AppError {
  return new AppError({
    kind: "conflict",
    code: "LAYER_IN_USE",
    message: `sessions use layers of ${codename} for ${architecture}: ${ids.join(", ")}`,
    hint: "Wait for the builds that use them to end, or cancel them",
  });
}
