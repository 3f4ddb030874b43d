import { availableParallelism } from "node:os";
import { type Database, WakeUp } from "../database/index.ts";
import { asAppError, assert, makeDirectory } from "../runtime/index.ts";
import { DiskGuard, type MakeRoom } from "./disk-guard.ts";
import { BUILDS_TOPIC, type FarmContext } from "./farm-context.ts";
import { claimBuild } from "./lease.ts";
import { expireLeases, reclaimBuilds } from "./lost-builds.ts";
import { MemoryGuard } from "./memory-guard.ts";
import { countReadyBuilds } from "./next-build.ts";
import { type BuildRunner, RunningBuild } from "./running-build.ts";
import { tidyEndedBuilds } from "./tidy-ended-builds.ts";

/** Retries and expired leases come due, and disk space comes free, without a wake-up call. */
const POLL_INTERVAL_MS = 2_000;

export interface LocalBuilderOptions {
  readonly farm: FarmContext;
  readonly runBuild: BuildRunner;
  /** Stays with its builds. No other process may use it at the same time. Default "local". */
  readonly name?: string | undefined;
  /** What this machine can build. */
  readonly architectures: readonly string[];
  /** Builds at once. Default: one per two cores, at least two: dpkg-buildpackage uses all cores, but not in every step. */
  readonly parallelMax?: number | undefined;
  readonly pollIntervalMs?: number | undefined;
  /** Called when less than the reserve is free on the disk. */
  readonly makeRoom?: MakeRoom | undefined;
  /** The builder has stopped because it cannot record what it does. The daemon should end. */
  readonly onFatal?: ((error: unknown) => void) | undefined;
}

export interface LocalBuilderStatus {
  readonly name: string;
  readonly architectures: readonly string[];
  readonly parallelMax: number;
  readonly running: readonly string[];
  /** Why it takes no builds at the moment. */
  readonly holdReason: string | undefined;
}

/** The builder inside the daemon: leases builds and runs them. created → start → running → drain or stop → stopped. */
export class LocalBuilder {
  readonly #options: LocalBuilderOptions;
  readonly #name: string;
  readonly #parallelMax: number;
  readonly #running = new Map<RunningBuild, Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #wakeUp: WakeUp;
  readonly #diskGuard: DiskGuard;
  readonly #memoryGuard: MemoryGuard;
  #isPaused = false;
  #loop: Promise<void> | undefined;
  #tidying: Promise<void> | undefined;

  constructor(options: LocalBuilderOptions) {
    this.#options = options;
    this.#name = options.name ?? "local";
    this.#parallelMax = options.parallelMax ?? Math.max(2, Math.floor(availableParallelism() / 2));
    this.#wakeUp = new WakeUp({ pollIntervalMs: options.pollIntervalMs ?? POLL_INTERVAL_MS, signal: this.#stopping.signal });
    this.#diskGuard = new DiskGuard(options.farm, options.makeRoom);
    this.#memoryGuard = new MemoryGuard(options.farm);
  }

  get status(): LocalBuilderStatus {
    return {
      name: this.#name,
      architectures: this.#options.architectures,
      parallelMax: this.#parallelMax,
      running: [...this.#running.keys()].map(({ lease }) => lease.buildId),
      holdReason: this.#holdReason(),
    };
  }

  /**
   * Builds that a dead process of this name left are lost and wait again at once. Call after testbeds were swept (no
   * process of them is left), and under the home lock.
   */
  async start(): Promise<void> {
    assert(this.#loop === undefined, "the local builder was started twice");
    await makeDirectory(this.#options.farm.buildsPath);
    await reclaimBuilds(this.#options.farm, this.#name);
    this.#loop = this.#run();
    // In the background: nothing waits for it.
    this.#tidying = tidyEndedBuilds(this.#options.farm, this.#stopping.signal);
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Take no builds until resume; running ones are killed and go back to the queue. */
  pause(): void {
    this.#isPaused = true;
    this.#interruptAll("an administrator stopped building");
  }

  resume(): void {
    this.#isPaused = false;
    this.#wakeUp.wake();
  }

  /** Take no more builds; resolves when the running ones have ended. */
  async drain(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
    await this.#tidying;
    await Promise.all(this.#running.values());
  }

  /** Like drain, but the running builds are killed and go back to the queue. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#interruptAll();
    await this.#loop;
    // A claim that was under way has become a running build meanwhile.
    this.#interruptAll();
    await this.drain();
  }

  async #run(): Promise<void> {
    const { database } = this.#options.farm;
    const stopListening = this.#listen(database);
    try {
      while (!this.#stopping.signal.aborted) {
        this.#wakeUp.reset();
        await this.#fill();
        await this.#wakeUp.wait();
      }
    } catch (error) {
      this.#fatal(error);
    } finally {
      stopListening();
      this.#wakeUp[Symbol.dispose]();
    }
  }

  #listen(database: Database): () => void {
    return database.onWake(BUILDS_TOPIC, () => {
      this.#wakeUp.wake();
      // A running build may have been cancelled.
      for (const build of this.#running.keys()) void build.checkLease();
    });
  }

  /** Start waiting builds until there are none or all places are taken. */
  async #fill(): Promise<void> {
    const { farm, architectures } = this.#options;
    try {
      await expireLeases(farm);
      while (this.#running.size < this.#parallelMax && !this.#stopping.signal.aborted) {
        if (this.#isPaused || !(await this.#diskGuard.allowsBuilds())) return;
        if (!(await this.#memoryGuard.allowsBuilds(this.#running.size))) return;
        const lease = await claimBuild(farm, { builder: this.#name, architectures });
        if (lease === undefined) return;
        const jobs = await this.#shareOfProcessors();
        this.#startBuild(new RunningBuild({ farm, lease, runBuild: this.#options.runBuild, jobs }));
        // Paused while it was claimed.
        if (this.#isPaused) this.#interruptAll("an administrator stopped building");
      }
    } catch (error) {
      if (asAppError(error).kind !== "unavailable") throw error;
      farm.logger.warn("builds cannot be leased at the moment", { error });
    }
  }

  /** A build alone gets every processor; of several that run or are about to, each its share: all are used, none twice. */
  async #shareOfProcessors(): Promise<number> {
    const { farm, architectures } = this.#options;
    const waiting = await countReadyBuilds(farm.database.read, { architectures, now: farm.clock.now() });
    const together = Math.min(this.#parallelMax, this.#running.size + 1 + waiting);
    return Math.max(1, Math.ceil(availableParallelism() / together));
  }

  #startBuild(build: RunningBuild): void {
    const follow = async (): Promise<void> => {
      try {
        await build.run();
      } catch (error) {
        this.#fatal(error);
      } finally {
        this.#running.delete(build);
        this.#wakeUp.wake();
      }
    };
    this.#running.set(build, follow());
  }

  #interruptAll(reason = "the daemon stopped"): void {
    for (const build of this.#running.keys()) build.interrupt(reason);
  }

  #holdReason(): string | undefined {
    if (this.#stopping.signal.aborted) return "the builder is stopping";
    return this.#isPaused ? "an administrator stopped building" : (this.#diskGuard.holdReason ?? this.#memoryGuard.holdReason);
  }

  #fatal(error: unknown): void {
    this.#options.farm.logger.error("the local builder stops", { error });
    this.#stopping.abort();
    this.#interruptAll();
    this.#options.onFatal?.(error);
  }
}
