import type { Database, Transaction } from "../database/index.ts";
import { AppError, asAppError, type Clock, errorChain, type Logger } from "../runtime/index.ts";
import type { ClaimedJob } from "./job.ts";
import type { JobQueue } from "./job-queue.ts";
import { judgeFailure } from "./retry-policy.ts";

/** What a handler may know and do besides its payload. */
export interface JobContext {
  readonly jobId: number;
  /** 1 for the first. */
  readonly attempt: number;
  readonly isLastAttempt: boolean;
  /** Aborts when the daemon stops, the job is cancelled or its lease is lost. Whatever is thrown then is nobody's failure. */
  readonly signal: AbortSignal;
  /** Complete the job in the transaction of its own state change: then both happen or neither, and only if the lease is still ours. */
  completeIn(tx: Transaction): Promise<void>;
}

export type JobHandler<Payload> = (payload: Payload, context: JobContext) => Promise<void>;

export interface RegisteredKind {
  readonly handler: JobHandler<unknown>;
  readonly onFailed: ((tx: Transaction, payload: unknown, error: AppError) => Promise<void>) | undefined;
}

export interface RunningJobParts {
  readonly job: ClaimedJob;
  readonly registered: RegisteredKind;
  readonly database: Database;
  readonly queue: JobQueue;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly leaseMs: number;
  readonly random: () => number;
}

/** A job that has been leased this often, each time without an end, takes the daemon down with it. */
const LEASES_MAX = 100;

type Interruption = "stopping" | "lease-lost";

/** One job from claim to end, with its heartbeat. */
export class RunningJob {
  readonly #parts: RunningJobParts;
  readonly #abort = new AbortController();
  #interruption: Interruption | undefined;
  #isCompleted = false;

  constructor(parts: RunningJobParts) {
    this.#parts = parts;
  }

  /** Runs the handler and records how it ended. Throws only when that cannot be recorded. */
  async run(): Promise<void> {
    const { job, leaseMs } = this.#parts;
    const heartbeat = setInterval(() => void this.beat(), leaseMs / 3);
    try {
      if (job.fence > LEASES_MAX) throw abandonedTooOften(job);
      await this.#handle();
    } catch (thrown) {
      clearInterval(heartbeat);
      await this.#recordFailure(thrown);
      return;
    } finally {
      clearInterval(heartbeat);
    }
    await this.#recordSuccess();
  }

  /** Tell the handler to stop; the job goes back to the queue unless it completes all the same. */
  interrupt(reason: Interruption): void {
    this.#interruption ??= reason;
    this.#abort.abort(
      new AppError({ kind: "unavailable", code: "JOB_INTERRUPTED", message: `the job was interrupted: ${reason}` }),
    );
  }

  /** Renew the lease, or learn that it is lost. */
  async beat(): Promise<void> {
    const { queue, job, leaseMs, logger } = this.#parts;
    try {
      if (this.#isCompleted || (await queue.heartbeat(job, { leaseMs })) || this.#isCompleted) return;
      this.interrupt("lease-lost");
    } catch (error) {
      // The next beat tries again; should the lease expire, fencing keeps us from ending the job.
      logger.warn("heartbeat failed", { jobId: job.id, error });
    }
  }

  async #handle(): Promise<void> {
    const { job, registered, queue } = this.#parts;
    await registered.handler(job.payload, {
      jobId: job.id,
      attempt: job.attempt,
      isLastAttempt: job.attempt >= job.attemptsMax,
      signal: this.#abort.signal,
      completeIn: async (tx) => {
        await queue.complete(tx, job);
        tx.afterCommit(() => {
          this.#isCompleted = true;
        });
      },
    });
  }

  async #recordSuccess(): Promise<void> {
    if (this.#isCompleted) return;
    await this.#record((tx) => this.#parts.queue.complete(tx, this.#parts.job));
  }

  async #recordFailure(thrown: unknown): Promise<void> {
    const { job, queue, logger, random } = this.#parts;
    if (this.#isCompleted) {
      logger.error("a handler failed after its job was completed", { jobId: job.id, kind: job.kind, error: thrown });
      return;
    }
    if (this.#interruption === "lease-lost" || isLeaseLost(thrown)) {
      logger.warn("job lost or cancelled while it ran", { jobId: job.id, kind: job.kind });
      return;
    }
    if (this.#interruption === "stopping") {
      await this.#record((tx) => queue.release(tx, job));
      return;
    }

    const outcome = judgeFailure({ thrown, attempt: job.attempt, attemptsMax: job.attemptsMax, random });
    if (outcome.type === "retry") await this.#recordRetry(outcome);
    else await this.#recordEnd(outcome.error);
  }

  async #recordRetry({ delayMs, error }: { delayMs: number; error: AppError }): Promise<void> {
    const { job, queue, clock, logger } = this.#parts;
    const runAt = new Date(clock.now().getTime() + delayMs);
    logger.warn("job failed, will be tried again", { jobId: job.id, kind: job.kind, attempt: job.attempt, delayMs, error });
    await this.#record((tx) => queue.retry(tx, job, { error: describe(error), runAt }));
  }

  async #recordEnd(error: AppError): Promise<void> {
    const { job, queue, registered, logger } = this.#parts;
    logger.error("job failed", { jobId: job.id, kind: job.kind, attempt: job.attempt, code: error.code, error });
    await this.#record(async (tx) => {
      await queue.fail(tx, job, { error: describe(error) });
      await registered.onFailed?.(tx, job.payload, error);
    });
  }

  /**
   * What cannot be recorded for the world's sake (disk full, server away) is left leased: the lease expires and the job is done
   * once more, which handlers allow. Anything else is a bug, and the worker's end.
   */
  async #record(work: (tx: Transaction) => Promise<void>): Promise<void> {
    const { job, database, logger } = this.#parts;
    try {
      await database.transaction(work);
    } catch (thrown) {
      const error = asAppError(thrown);
      if (error.code !== "JOB_LEASE_LOST" && error.kind !== "unavailable") throw thrown;
      logger.warn("the end of a job could not be recorded", { jobId: job.id, kind: job.kind, error });
    }
  }
}

function isLeaseLost(thrown: unknown): boolean {
  return thrown instanceof AppError && thrown.code === "JOB_LEASE_LOST";
}

function abandonedTooOften(job: ClaimedJob): AppError {
  return new AppError({
    kind: "bug",
    code: "JOB_ABANDONED",
    message: `job ${job.id} (${job.kind}) was begun ${job.fence - 1} times and never ended`,
    hint: "Something in it stops the daemon: look at the log around its earlier starts",
  });
}

function describe(error: AppError): string {
  return [`${error.code}: ${error.message}`, ...errorChain(error).slice(1)].join("\n");
}
