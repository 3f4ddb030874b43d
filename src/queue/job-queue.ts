import type { Transaction } from "../database/index.ts";
import type { ClaimedJob, EnqueuedJob, JobRecord, NewJob } from "./job.ts";

export type JobTarget = { readonly jobId: number } | { readonly dedupeKey: string };

/**
 * What a driver does; test/integration/queue/contract.ts says it in tests. Everything that takes `tx` becomes true with that
 * transaction. `complete`, `retry`, `fail` and `release` throw `conflict` JOB_LEASE_LOST when the lease is not ours any
 * more (expired and claimed by another, released, cancelled), so that they undo the transaction they are in.
 */
export interface JobQueue {
  enqueue(tx: Transaction, job: NewJob): Promise<EnqueuedJob>;
  /** The next job of these kinds, leased to us: due, highest priority first, then the one due longest; or one whose lease has expired. */
  claim(options: { readonly kinds: readonly string[]; readonly leaseMs: number }): Promise<ClaimedJob | undefined>;
  /** Renew the lease. False: it is lost, or the job cancelled; stop working on it. */
  heartbeat(job: ClaimedJob, options: { readonly leaseMs: number }): Promise<boolean>;
  complete(tx: Transaction, job: ClaimedJob): Promise<void>;
  /** The handler failed; again at `runAt`. */
  retry(tx: Transaction, job: ClaimedJob, options: { readonly error: string; readonly runAt: Date }): Promise<void>;
  /** The handler failed for good. */
  fail(tx: Transaction, job: ClaimedJob, options: { readonly error: string }): Promise<void>;
  /** Give it back untouched: nobody's failure. */
  release(tx: Transaction, job: ClaimedJob): Promise<void>;
  /** Whoever works on it is told to stop, and cannot end it any more. False: there is no such job, or it has ended. */
  cancel(tx: Transaction, target: JobTarget): Promise<boolean>;
  /** Give back every lease: for a start that knows that no other worker lives (home lock). Returns how many. */
  releaseAllLeases(tx: Transaction): Promise<number>;
  /** Forget jobs that ended before this time. Returns how many. */
  purge(tx: Transaction, endedBefore: Date): Promise<number>;
  find(jobId: number): Promise<JobRecord | undefined>;
}
