import { readdir } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { tryParseDistributionName } from "../formats/index.ts";
import { type Logger, monotonicMs } from "../runtime/index.ts";
import type { DistributionSettings } from "./distribution-settings.ts";
import { listDistributions, loadDistribution } from "./distributions.ts";
import { expirePublications } from "./publication-retention.ts";
import { PUBLICATIONS_TOPIC } from "./publication-state.ts";
import {
  lastReleaseDate,
  type PendingPublication,
  type PublishContext,
  publishDistribution,
  removeUnfinishedSwitches,
} from "./publish.ts";

/** From the start of a publication to that of the next, at least, in durations of the first: bursts coalesce. */
const INTERVAL_FACTOR = 10;
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 60_000;
/** How long rollback views wait for other publications. */
const VIEW_DELAY_MS_MAX = 10_000;

/**
 * Publishes what is pending, one publication of a distribution at a time, as soon as the pause after the last one
 * allows. Pending publications are rows: a start takes up what was left.
 */
export class Publisher {
  readonly #ctx: PublishContext;
  readonly #logger: Logger;
  readonly #running = new Map<string, Promise<void>>();
  readonly #wokenWhileRunning = new Set<string>();
  readonly #notBeforeMs = new Map<string, number>();
  /** Distributions of which this process has cleared away what expired. */
  readonly #cleared = new Set<string>();
  readonly #stop = new AbortController();
  #stopListening: (() => void) | undefined;
  #looking: Promise<void> = Promise.resolve();
  /** The end of the last view's turn. */
  #views: Promise<void> = Promise.resolve();

  constructor(ctx: PublishContext, logger: Logger) {
    this.#ctx = ctx;
    this.#logger = logger;
  }

  async start(): Promise<void> {
    const distributions = await listDistributions(this.#ctx.database.read);
    await this.#clearAway(distributions);
    this.#stopListening = this.#ctx.database.onWake(PUBLICATIONS_TOPIC, () => this.#look());
    for (const { name } of distributions) this.#run(name);
  }

  /** A publication that has begun is finished first. */
  async stop(): Promise<void> {
    this.#stopListening?.();
    this.#stop.abort();
    await this.#looking;
    await Promise.all(this.#running.values());
  }

  /** Resolves when nothing is pending, also when it already is so. */
  async untilIdle(): Promise<void> {
    do {
      await this.#looking;
      await Promise.all(this.#running.values());
      this.#look();
      await this.#looking;
    } while (this.#running.size > 0 && !this.#stop.signal.aborted);
  }

  #look(): void {
    this.#looking = this.#looking.then(async () => {
      try {
        for (const { distribution } of await this.#listPending()) this.#run(distribution);
      } catch (error) {
        this.#logger.error("pending publications could not be listed", { error });
      }
    });
  }

  #run(distribution: string): void {
    if (this.#stop.signal.aborted) return;
    if (this.#running.has(distribution)) {
      this.#wokenWhileRunning.add(distribution);
      return;
    }

    const running = this.#publishAll(distribution).finally(() => {
      this.#running.delete(distribution);
      if (this.#wokenWhileRunning.delete(distribution)) this.#run(distribution);
    });
    this.#running.set(distribution, running);
  }

  /** Until nothing is pending. */
  async #publishAll(distribution: string): Promise<void> {
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      try {
        const [pending] = await this.#listPending(distribution);
        if (pending === undefined && this.#cleared.has(distribution)) return;
        if (pending === undefined) {
          await this.#expire(distribution);
          continue;
        }
        await this.#pause(distribution);
        if (this.#stop.signal.aborted) return;
        await (isRollbackView(distribution) ? this.#publishView(pending) : this.#publish(pending));
        failures = 0;
      } catch (error) {
        failures += 1;
        this.#logger.error("a publication failed; readers keep the previous one", { distribution, failures, error });
        await this.#delay(Math.min(RETRY_MS_MIN * 2 ** (failures - 1), RETRY_MS_MAX));
      }
    }
  }

  /** There are many of them and nobody waits for one: one after the other, after all else or some seconds. */
  async #publishView(pending: PendingPublication): Promise<void> {
    const published = this.#views.then(async () => {
      const deadlineMs = monotonicMs() + VIEW_DELAY_MS_MAX;
      for (let others = this.#othersRunning(); others.length > 0; others = this.#othersRunning()) {
        const patience = new AbortController();
        const timeout = this.#delay(deadlineMs - monotonicMs(), patience.signal);
        await Promise.race([...others, timeout]);
        patience.abort();
        if (monotonicMs() >= deadlineMs || this.#stop.signal.aborted) break;
      }
      if (!this.#stop.signal.aborted) await this.#publish(pending);
    });
    this.#views = published.catch(() => {});
    await published;
  }

  #othersRunning(): Promise<void>[] {
    return [...this.#running].filter(([distribution]) => !isRollbackView(distribution)).map(([, running]) => running);
  }

  async #publish(pending: PendingPublication): Promise<void> {
    const startedAtMs = monotonicMs();
    const { durationMs } = await publishDistribution(this.#ctx, pending);
    const intervalMs = Math.min(durationMs * INTERVAL_FACTOR, this.#ctx.limits.publicationIntervalMsMax);
    this.#notBeforeMs.set(pending.distribution, startedAtMs + intervalMs);
    this.#logger.info("published", { ...pending, durationMs: Math.round(durationMs) });
    await this.#expire(pending.distribution);
  }

  /** What cannot be deleted now will be after the next publication, or the next start. */
  async #expire(distribution: string): Promise<void> {
    this.#cleared.add(distribution);
    try {
      const { settings } = await loadDistribution(this.#ctx.database.read, distribution);
      await expirePublications(this.#ctx, settings);
    } catch (error) {
      this.#logger.warn("old generations could not be deleted", { distribution, error });
    }
  }

  /** For the load's sake, and until the Date can be later than the last without lying in the future. */
  async #pause(distribution: string): Promise<void> {
    const forLoadMs = (this.#notBeforeMs.get(distribution) ?? 0) - monotonicMs();
    const last = await lastReleaseDate(this.#ctx.database, distribution);
    const forDateMs = last === undefined ? 0 : last.getTime() + 1000 - this.#ctx.clock.now().getTime();
    const waitMs = Math.max(forLoadMs, forDateMs);
    // A clock that was set back cannot stop us for longer than the usual pause.
    if (waitMs > 0) await this.#delay(Math.min(waitMs, this.#ctx.limits.publicationIntervalMsMax));
  }

  async #delay(ms: number, signal?: AbortSignal): Promise<void> {
    const signals = [this.#stop.signal, ...(signal === undefined ? [] : [signal])];
    try {
      await delay(Math.max(0, ms), undefined, { signal: AbortSignal.any(signals) });
    } catch {
      // Stopped: the caller looks at the signal.
    }
  }

  async #listPending(distribution?: string): Promise<PendingPublication[]> {
    let query = this.#ctx.database.read
      .selectFrom("publications")
      .select(["distribution", "generation"])
      .where("state", "=", "pending")
      .orderBy("requested_at");
    if (distribution !== undefined) query = query.where("distribution", "=", distribution);
    return query.execute();
  }

  /** Switches of a predecessor that was killed. */
  async #clearAway(distributions: readonly DistributionSettings[]): Promise<void> {
    for (const { repositoryId, name } of distributions) {
      const directory = dirname(this.#ctx.paths.distribution(repositoryId, name));
      const names = await readdir(directory).catch((): string[] => []);
      await removeUnfinishedSwitches(directory, names);
    }
  }
}

function isRollbackView(distribution: string): boolean {
  return tryParseDistributionName(distribution)?.rollback !== undefined;
}
