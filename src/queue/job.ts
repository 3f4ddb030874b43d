/**
 * waiting: to be claimed once `runAt` has come. leased: a worker has it until its lease expires. done, failed and cancelled
 * are final. failed: an error that trying again does not mend, or the last attempt.
 */
export const JOB_STATES = {
  waiting: ["leased", "cancelled"],
  leased: ["waiting", "leased", "done", "failed", "cancelled"],
  done: [],
  failed: [],
  cancelled: [],
} as const satisfies Record<string, readonly string[]>;
export type JobState = keyof typeof JOB_STATES;

/** What is to be done. */
export interface NewJob {
  readonly kind: string;
  /** A JSON value: ids, not things that may change. */
  readonly payload: unknown;
  /** Higher runs first. Default 0. */
  readonly priority?: number | undefined;
  /** Not before. Default: at once. */
  readonly runAt?: Date | undefined;
  /**
   * Work that need not be done twice: while a job with this key waits, no second one is added (the waiting one takes the higher
   * priority and the earlier time). While one runs, the next waits for its end: what is asked for meanwhile is done
   * once more, never at the same time.
   */
  readonly dedupeKey?: string | undefined;
  /** Handler failures in all before the job fails for good. Default 12, about 20 minutes. */
  readonly attemptsMax?: number | undefined;
}

export interface EnqueuedJob {
  readonly jobId: number;
  /** False: a waiting job with the same key does it. */
  readonly isNew: boolean;
}

/** A job in the hands of a worker, until the lease expires. */
export interface ClaimedJob {
  readonly id: number;
  readonly kind: string;
  readonly payload: unknown;
  /** 1 for the first: counts the handler's failures, not lost leases. */
  readonly attempt: number;
  readonly attemptsMax: number;
  /** Grows with each lease: only the holder of the newest may end the job. */
  readonly fence: number;
}

export interface JobRecord {
  readonly id: number;
  readonly kind: string;
  readonly payload: unknown;
  readonly state: JobState;
  readonly runAt: Date;
  /** Of the handler, so far. */
  readonly failures: number;
  readonly lastError: string | undefined;
}
