import { closeSync } from "node:fs";
import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import { defaultLimits, freeSpaceBytes, monotonicMs, runChecked } from "../runtime/index.ts";
import { baseLayerId } from "./base-layer.ts";
import { checkLayer } from "./check-layer.ts";
import { CompilerCaches, compilerCacheUse } from "./compiler-cache.ts";
import { ControlGroups } from "./control-groups.ts";
import { type BaseContext, findCurrentBase, makeFirstBase, refreshBases, remakeBase, removeBases } from "./current-base.ts";
import { type DependencyContext, ensureDependencies } from "./dependency-layer.ts";
import { DiskUse } from "./disk-use.ts";
import { boundDownloads, evictUnused, relieve } from "./evict.ts";
import { withFileLock } from "./file-lock.ts";
import { HeldSessions } from "./held-sessions.ts";
import type { Bind } from "./holder.ts";
import { loadIdMap } from "./id-map.ts";
import { ARCHIVES_READABLE } from "./install-packages.ts";
import { boundKept, type KeptLimits, type KeptVerdict, listKept, relieveKept, settleKept } from "./kept-testbeds.ts";
import { LayerStore } from "./layer-store.ts";
import { holdLifeline, lifelinePath, socketPath } from "./lifeline.ts";
import { RESOLVER_BINDS } from "./lists-layer.ts";
import { ProcessMeter } from "./process-meter.ts";
import type { Session } from "./session.ts";
import { type SessionLimits, sessionLimits } from "./session-limits.ts";
import { SessionWatch } from "./session-watch.ts";
import { SharedWork } from "./shared-work.ts";
import { startSession } from "./start-session.ts";
import { sweepLeftovers } from "./sweep.ts";
import type {
  BaseLayerRequest,
  BaseRefresh,
  CompilerCacheUse,
  DependencyLayer,
  DependencyLayerRequest,
  KeptTestbed,
  Layer,
  LayerCheck,
  LayerMakingOptions,
  LimitListener,
  SessionRequest,
  SweepResult,
  TestbedsOptions,
  VirtServerCommand,
  VirtServerRequest,
} from "./types.ts";
import { VirtServerListener } from "./virt-server/listener.ts";
import { formatVirtServerRequest } from "./virt-server/request.ts";

const LISTS_AGE_MS_MAX = 15 * 60 * 1000;

interface Parts {
  readonly store: LayerStore;
  readonly limits: SessionLimits;
  readonly controlGroups: ControlGroups | undefined;
}

/** The store of layers below HOME/testbeds, and the way to sessions. One per home. */
export class Testbeds {
  readonly #parts: Parts;
  readonly #store: LayerStore;
  readonly #options: TestbedsOptions;
  readonly #lifelinePath: string;
  readonly #lifeline: number;
  #virtServers: VirtServerListener | undefined;
  readonly #sessions = new Set<Session>();
  /** By owner; those that are still being started too. */
  readonly #ownedSessions = new Map<string, Set<Promise<Session>>>();
  readonly #makingLayers = new SharedWork<Layer>();
  readonly #relieving = new SharedWork<string[]>();
  readonly #watch: SessionWatch;
  readonly #limitListeners = new Map<string, LimitListener>();
  readonly #compilerCaches: CompilerCaches;
  readonly #held = new Map<string, HeldSessions>();

  private constructor(parts: Parts, options: TestbedsOptions, lifelinePath: string) {
    this.#parts = parts;
    this.#store = parts.store;
    this.#options = options;
    this.#watch = new SessionWatch({
      ...parts,
      meter: new ProcessMeter(parts.store.idMap, parts.limits.memoryBytesMax),
      disk: new DiskUse(parts.store),
      logger: options.logger,
    });
    this.#lifelinePath = lifelinePath;
    this.#lifeline = holdLifeline(lifelinePath);
    this.#compilerCaches = new CompilerCaches({
      store: parts.store,
      lifelinePath,
      logger: options.logger,
      sizeBytesMax: this.#compilerCacheSizeBytesMax,
    });
  }

  /** Makes the directories and holds the lifeline. AppError unavailable TESTBED_HOST_UNFIT. */
  static async open(options: TestbedsOptions): Promise<Testbeds> {
    const directory = resolve(options.directory);
    const store = await LayerStore.open(directory, await loadIdMap(), options.clock);
    const lifeline = lifelinePath(directory);
    await runChecked({ argv: ["mkfifo", "--mode=600", lifeline] });
    const parts = { store, limits: sessionLimits(options.limits), controlGroups: await ControlGroups.find() };
    const testbeds = new Testbeds(parts, { ...options, directory }, lifeline);
    testbeds.#virtServers = await VirtServerListener.listen(socketPath(lifeline), {
      start: (request) => testbeds.#startVirtSession(request),
      beforeClose: ({ owner, compilerCache }, session) => testbeds.#compilerCaches.keep(session, owner, compilerCache),
    });
    return testbeds;
  }

  /** Made once, by one caller; the others wait for it. AppError unavailable BASE_LAYER_FAILED, invalid BASE_LAYER_OPTION. */
  async ensureBaseLayer(request: BaseLayerRequest): Promise<Layer> {
    const found = await findCurrentBase(this.#store, request);
    if (found !== undefined) return this.#store.markUsed(found);

    const key = baseLayerId(request);
    return this.#makingLayers.join(key, request.signal, (signal) =>
      withFileLock(this.#store.lockPath(key), signal, async () => {
        const madeMeanwhile = await findCurrentBase(this.#store, request);
        return madeMeanwhile ?? makeFirstBase(this.#store, { ...request, signal });
      }),
    );
  }

  /** Make it again, e.g. when it is broken. Running builds keep the old one. Throws as ensureBaseLayer. */
  async remakeBaseLayer(request: BaseLayerRequest): Promise<Layer> {
    return remakeBase(this.#baseContext(request), request);
  }

  /** Make those again whose archive has newer versions of what is in them; only those used since then are looked at. */
  async refreshBaseLayers(options: LayerMakingOptions & { usedAfter: Date }): Promise<BaseRefresh[]> {
    return refreshBases(this.#baseContext(options), options);
  }

  /** All base layers of a release and what stands on them. AppError conflict LAYER_IN_USE, not-found LAYER_NOT_FOUND. */
  async removeBaseLayers(codename: string, architecture: string): Promise<string[]> {
    return removeBases(this.#store, codename, architecture);
  }

  #baseContext({ signal }: LayerMakingOptions): BaseContext {
    return {
      store: this.#store,
      clock: this.#options.clock,
      listsAgeMsMax: this.#options.listsAgeMsMax ?? LISTS_AGE_MS_MAX,
      open: (layers, { network, binds }) => this.#startSession({ layers, network, signal }, binds),
    };
  }

  /**
   * AppError invalid BUILD_DEPENDS_UNSATISFIABLE or BUILD_DEPENDS_NOT_INSTALLABLE: the package's fault; unavailable
   * MIRROR_UNAVAILABLE and others: retry.
   */
  ensureDependencyLayer(request: DependencyLayerRequest): Promise<DependencyLayer> {
    return ensureDependencies(this.#dependencyContext(request), request);
  }

  /** Makes a layer of packages afresh and compares. AppError not-found LAYER_NOT_FOUND. */
  checkLayer(id: string, options: LayerMakingOptions = {}): Promise<LayerCheck> {
    return checkLayer(this.#dependencyContext(options), id, options);
  }

  #dependencyContext(request: LayerMakingOptions): DependencyContext {
    return {
      store: this.#store,
      clock: this.#options.clock,
      listsAgeMsMax: this.#options.listsAgeMsMax ?? LISTS_AGE_MS_MAX,
      open: (layers, { network, binds }) => this.#startSession({ layers, network, signal: request.signal }, binds),
      ensureLayer: (id, signal, make) =>
        this.#makingLayers.join(id, signal, (shared) => this.#ensureLayer(id, shared, () => make(shared))),
      whileFetching: (signal, fetch) => withFileLock(this.#store.lockPath("fetching"), signal, fetch),
    };
  }

  /** AppError unavailable TESTBED_SESSION_FAILED, not-found LAYER_NOT_FOUND. */
  async startSession(request: SessionRequest): Promise<Session> {
    const { network, innerLayers = [], withPackages = false, owner } = request;
    const inner = innerLayers.map((id, index): Bind => ({ source: id, target: `/mini-buildd/layers/${index}`, access: "ro" }));
    const binds = [...(network === "host" ? RESOLVER_BINDS : []), ...inner, ...(withPackages ? [ARCHIVES_READABLE] : [])];
    const starting = this.#startSession(request, binds);
    if (owner === undefined) return starting;

    const owned = this.#ownedSessions.get(owner) ?? new Set();
    this.#ownedSessions.set(owner, owned.add(starting));
    const forget = (): void => {
      owned.delete(starting);
      if (owned.size === 0) this.#ownedSessions.delete(owner);
    };
    starting.then((session) => session.ended.addEventListener("abort", forget, { once: true }), forget);
    return starting;
  }

  /**
   * Ends every session of an owner, those that are just being started too. When it returns none of their processes is
   * left; whoever has them still closes them.
   */
  async killSessions(owner: string): Promise<void> {
    const owned = [...(this.#ownedSessions.get(owner) ?? [])];
    await Promise.all(owned.map((starting) => starting.then((session) => session.killed()).catch(() => undefined)));
  }

  #startVirtSession({ layers, owner, isHeld, compilerCache }: VirtServerRequest): Promise<Session> {
    if (compilerCache === undefined) return this.startSession({ layers, owner, isHeld });
    return this.#compilerCaches.startSession(compilerCache, (above) =>
      this.startSession({ layers: [...above, ...layers], owner, isHeld, withScratch: true }),
    );
  }

  async #startSession(request: SessionRequest, binds: readonly Bind[]): Promise<Session> {
    const { store, controlGroups, limits } = this.#parts;
    const held = request.isHeld === true ? this.#held.get(request.owner ?? "") : undefined;
    const onClosed = async (session: Session): Promise<void> => {
      this.#sessions.delete(session);
      await this.#watch.remove(session.id);
    };
    const startedMs = monotonicMs();
    const setting = { store, lifelinePath: this.#lifelinePath, binds, limits, controlGroups, onClosed };
    const session = await startSession(setting, { ...request, isHeld: held !== undefined });
    this.#sessions.add(session);
    this.#watch.add({
      id: session.id,
      firstProcessId: session.firstProcessId,
      tell: (passed) => this.#limitListeners.get(request.owner ?? "")?.(passed),
      kill: () => session.kill(),
    });
    const durationMs = Math.round(monotonicMs() - startedMs);
    await held?.add(session, request.layers);
    this.#options.logger.debug("testbed session started", { session: session.id, layers: request.layers, durationMs });
    return session;
  }

  /** How processes and memory of sessions are limited on this machine. */
  get limitedBy(): "control-groups" | "watch" {
    return this.#parts.controlGroups === undefined ? "watch" : "control-groups";
  }

  /** To be told when a session of this owner passes a limit; one listener for each. Returns how to stop. */
  onLimitPassed(owner: string, listener: LimitListener): () => void {
    this.#limitListeners.set(owner, listener);
    return () => void this.#limitListeners.delete(owner);
  }

  /** What this owner's sessions with `isHeld` write outlives them, until the holder is settled. One for each owner. */
  holdSessions(owner: string): HeldSessions {
    const onSettled = (): void => void this.#held.delete(owner);
    const { logger } = this.#options;
    const held = new HeldSessions({ store: this.#store, lifelinePath: this.#lifelinePath, logger, onSettled });
    this.#held.set(owner, held);
    return held;
  }

  get #keptLimits(): KeptLimits {
    return this.#options.limits ?? defaultLimits;
  }

  /** What is kept of sessions, the oldest first. */
  listKept(): Promise<KeptTestbed[]> {
    return listKept(this.#store, this.#options.clock, this.#keptLimits);
  }

  /** Keeps what `HeldSessions.keep` has made as far as the limits allow; removes it else, and says why. */
  settleKept(layer: Layer): Promise<KeptVerdict> {
    return settleKept(this.#store, this.#options.clock, this.#keptLimits, layer);
  }

  /** Removes what is kept for too long, and the oldest beyond the bounds. Returns the ids of the removed layers. */
  boundKept(): Promise<string[]> {
    return boundKept(this.#store, this.#options.clock, this.#keptLimits);
  }

  /** A virtualisation server on these layers, for sbuild and autopkgtest. Its session ends with it, or with us. */
  virtServerCommand(request: VirtServerRequest): VirtServerCommand {
    return {
      program: "/usr/bin/perl",
      args: [this.#store.relayScriptPath, socketPath(this.#lifelinePath), ...formatVirtServerRequest(request)],
    };
  }

  /** What a session with a compiler cache needs in the environment of its build. */
  get compilerCacheUse(): CompilerCacheUse {
    return compilerCacheUse(this.#compilerCacheSizeBytesMax);
  }

  get #compilerCacheSizeBytesMax(): number {
    return (this.#options.limits ?? defaultLimits).compilerCacheSizeBytesMax;
  }

  /**
   * The owner's last session with a compiler cache was used well: what it left there is the cache of the next ones. Undefined:
   * it left nothing. Throws what kept it from being kept.
   */
  storeCompilerCache(owner: string): Promise<Layer | undefined> {
    return this.#compilerCaches.store(owner).finally(() => this.#boundLater());
  }

  /** What the owner's last session left is not to be used. May be called at any time. */
  discardCompilerCache(owner: string): Promise<void> {
    return this.#compilerCaches.discard(owner);
  }

  listLayers(): Promise<Layer[]> {
    return this.#store.list();
  }

  /** AppError conflict LAYER_IN_USE, not-found LAYER_NOT_FOUND. */
  removeLayer(id: string): Promise<void> {
    return this.#store.remove(id);
  }

  /**
   * After a crash: ends leftover processes, removes leftover sessions and unfinished layers, and what was kept for long
   * enough. What a living process holds is left alone, so it may be called at any time.
   */
  async sweep(): Promise<SweepResult> {
    const result = await sweepLeftovers(this.#store);
    await this.#parts.controlGroups?.removeEmpty();
    await this.boundKept();
    if (result.processes + result.sessions + result.unfinishedLayers > 0)
      this.#options.logger.info("testbeds swept", { ...result });
    return result;
  }

  /**
   * Removes layers of packages and lists, and downloaded packages, that nothing has used for so long; those in use
   * stay. Returns the ids of the removed layers.
   */
  async evict(options: { unusedForMs: number }): Promise<string[]> {
    const unused = await evictUnused(this.#store, this.#options.clock, options.unusedForMs);
    return [...unused, ...(await this.keepWithinBounds())];
  }

  /** Removes layers and downloaded packages beyond their bounds: the least recently used first, none in use. */
  keepWithinBounds(): Promise<string[]> {
    const { layersSizeBytesMax, downloadsSizeBytesMax } = this.#options.limits ?? defaultLimits;
    return this.#relieving.join("bounds", undefined, async () => {
      await boundDownloads(this.#store, this.#options.clock, downloadsSizeBytesMax);
      const isEnough = (sizeBytes: number): boolean => sizeBytes <= layersSizeBytesMax;
      return relieve(this.#store, this.#options.clock, { isEnough, withBases: true });
    });
  }

  /**
   * Makes room on the disk: kept testbeds first, then downloaded packages, then layers, the least recently used first,
   * until so much is free or nothing that may go is left. Returns the ids of the removed layers.
   */
  makeRoom(freeBytesMin: number): Promise<string[]> {
    return this.#relieving.join("room", undefined, async () => {
      const isEnough = async (): Promise<boolean> => (await freeSpaceBytes(this.#store.storeDirectory)) >= freeBytesMin;
      const kept = await relieveKept(this.#store, this.#options.clock, isEnough);
      if (await isEnough()) return kept;
      await boundDownloads(this.#store, this.#options.clock, 0);
      return [...kept, ...(await relieve(this.#store, this.#options.clock, { isEnough, withBases: false }))];
    });
  }

  /** Ends every session of this process, those of virtualisation servers too. */
  async close(): Promise<void> {
    await this.#virtServers?.close();
    await Promise.all([...this.#sessions].map((session) => session.close()));
    this.#watch.close();
    closeSync(this.#lifeline);
    await rm(this.#lifelinePath, { force: true });
  }

  async #ensureLayer(id: string, signal: AbortSignal, make: () => Promise<Layer>): Promise<Layer> {
    const found = await this.#store.find(id);
    if (found !== undefined) return this.#store.markUsed(found);

    return withFileLock(this.#store.lockPath(id), signal, async () => {
      const madeMeanwhile = await this.#store.find(id);
      return madeMeanwhile ?? make();
    }).finally(() => this.#boundLater());
  }

  /** Nobody waits for it; what goes wrong is tried again after the next layer. */
  #boundLater(): void {
    this.keepWithinBounds().catch((error: unknown) => this.#options.logger.warn("layers could not be bounded", { error }));
  }
}
