import { type Database, type Transaction, WakeUp } from "../database/index.ts";
import { type AppError, asAppError, assert, type Clock, defaultLimits, type Logger } from "../runtime/index.ts";
import { JOBS_CANCELLED_TOPIC, JOBS_TOPIC } from "./enqueue.ts";
import type { JobQueue } from "./job-queue.ts";
import { type JobHandler, type RegisteredKind, RunningJob } from "./running-job.ts";
import { enqueueDue } from "./schedule.ts";
import { TableQueue } from "./table-queue.ts";

/** Retries, schedules and expired leases come due without a wake-up call. */
const POLL_INTERVAL_MS = 1_000;
const CONCURRENCY = 4;

export interface JobWorkerOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default: the embedded driver. */
  readonly queue?: JobQueue | undefined;
  /** Jobs at once. Default 4. */
  readonly concurrency?: number | undefined;
  readonly leaseMs?: number | undefined;
  readonly pollIntervalMs?: number | undefined;
  /** For the jitter of retries. */
  readonly random?: (() => number) | undefined;
  /** The worker has stopped because it cannot go on (a bug). The daemon should end. */
  readonly onFatal?: ((error: unknown) => void) | undefined;
}

export interface JobKindOptions<Payload> {
  /** In the transaction that ends the job as failed: the state change that tells its workflow so. */
  readonly onFailed?: (tx: Transaction, payload: Payload, error: AppError) => Promise<void>;
}

/**
 * Claims jobs of the registered kinds and runs their handlers. created → start → running → drain or stop → stopped.
 *
 * A handler may run more than once for one job (a crash after its work and before its end is recorded), so it must be
 * idempotent: look at the state first, do nothing when it is done. With `context.completeIn(tx)` its state change and the job's end
 * are one.
 */
export class JobWorker {
  readonly #options: JobWorkerOptions;
  readonly #queue: JobQueue;
  readonly #kinds = new Map<string, RegisteredKind>();
  readonly #running = new Map<RunningJob, Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #wakeUp: WakeUp;
  #loop: Promise<void> | undefined;

  constructor(options: JobWorkerOptions) {
    this.#options = options;
    this.#queue = options.queue ?? new TableQueue(options.database, options.clock);
    const pollIntervalMs = options.pollIntervalMs ?? POLL_INTERVAL_MS;
    this.#wakeUp = new WakeUp({ pollIntervalMs, signal: this.#stopping.signal });
  }

  /** Before start. */
  register<Payload>(kind: string, handler: JobHandler<Payload>, options: JobKindOptions<Payload> = {}): void {
    assert(this.#loop === undefined, `job kind ${kind} was registered after the start`);
    assert(!this.#kinds.has(kind), `job kind ${kind} is registered twice`);
    this.#kinds.set(kind, {
      handler: handler as JobHandler<unknown>,
      onFailed: options.onFailed as RegisteredKind["onFailed"],
    });
  }

  start(): void {
    assert(this.#loop === undefined, "the job worker was started twice");
    this.#loop = this.#run();
  }

  /** Whether no handler runs. */
  get isIdle(): boolean {
    return this.#running.size === 0;
  }

  /** Take no more jobs; resolves when the running ones have ended. May be called twice, and before stop. */
  async drain(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
    await Promise.all(this.#running.values());
  }

  /** Like drain, but the running handlers are told to stop; their jobs go back to the queue. */
  async stop(): Promise<void> {
    for (const job of this.#running.keys()) job.interrupt("stopping");
    // A claim that is under way when we stop still becomes a running job: interrupted as soon as the loop has ended.
    this.#stopping.abort();
    await this.#loop;
    for (const job of this.#running.keys()) job.interrupt("stopping");
    await this.drain();
  }

  async #run(): Promise<void> {
    const { database } = this.#options;
    const stopListening = [
      database.onWake(JOBS_TOPIC, () => this.#wakeUp.wake()),
      database.onWake(JOBS_CANCELLED_TOPIC, () => this.#beatAll()),
    ];
    try {
      while (!this.#stopping.signal.aborted) {
        this.#wakeUp.reset();
        await this.#fill();
        await this.#wakeUp.wait();
      }
    } catch (error) {
      this.#fatal(error);
    } finally {
      for (const stop of stopListening) stop();
      this.#wakeUp[Symbol.dispose]();
    }
  }

  /** Start due jobs until there are none or all places are taken. */
  async #fill(): Promise<void> {
    const { database, clock, concurrency = CONCURRENCY, logger } = this.#options;
    try {
      await enqueueDue(database, clock);
      while (this.#running.size < concurrency && !this.#stopping.signal.aborted) {
        if (!(await this.#claimOne())) return;
      }
    } catch (error) {
      if (asAppError(error).kind !== "unavailable") throw error;
      logger.warn("jobs cannot be claimed at the moment", { error });
    }
  }

  async #claimOne(): Promise<boolean> {
    const leaseMs = this.#options.leaseMs ?? defaultLimits.jobLeaseMs;
    const job = await this.#queue.claim({ kinds: [...this.#kinds.keys()], leaseMs });
    if (job === undefined) return false;

    const registered = this.#kinds.get(job.kind);
    assert(registered !== undefined, `a job of kind ${job.kind} was claimed, which nobody registered`);
    const { database, clock, logger, random = Math.random } = this.#options;
    const running = new RunningJob({ job, registered, database, queue: this.#queue, clock, logger, leaseMs, random });
    this.#running.set(running, this.#follow(running));
    return true;
  }

  async #follow(running: RunningJob): Promise<void> {
    try {
      await running.run();
    } catch (error) {
      this.#fatal(error);
    } finally {
      this.#running.delete(running);
      this.#wakeUp.wake();
    }
  }

  #beatAll(): void {
    for (const job of this.#running.keys()) void job.beat();
  }

  #fatal(error: unknown): void {
    this.#options.logger.error("the job worker stops", { error });
    this.#stopping.abort();
    this.#options.onFatal?.(error);
  }
}
