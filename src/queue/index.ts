/**
 * queue: durable jobs. A job is a row that says what is to be done next; it is added in the transaction of the state
 * change that makes it necessary (`enqueue`), claimed by one worker at a time under a *lease*, and ends once.
 *
 * Terms. *lease*: the right to end a job, until a time that heartbeats push on. *fence*: the number of that lease; whoever
 * holds an older one cannot end the job any more. *attempt*: one failure or success of a handler; a lost lease is none.
 *
 * Invariants: a job is leased to one worker at a time; of jobs with one dedupe key at most one waits and at most one
 * runs; execution is at least once, so handlers are idempotent; only `unavailable` errors are retried, with backoff and
 * a last attempt; a job's final failure can change its workflow's state in the same transaction (`onFailed`).
 *
 * After a crash in single-process mode, `new TableQueue(database, clock).releaseAllLeases(tx)` under the home lock makes
 * interrupted jobs run at once; without it they wait for their leases to expire.
 */

export { enqueue } from "./enqueue.ts";
export { type ClaimedJob, type EnqueuedJob, JOB_STATES, type JobRecord, type JobState, type NewJob } from "./job.ts";
export type { JobQueue, JobTarget } from "./job-queue.ts";
export { type JobKindOptions, JobWorker, type JobWorkerOptions } from "./job-worker.ts";
export { type ListedJob, listJobs } from "./list-jobs.ts";
export { listScheduled, runScheduledNow, type ScheduledWork } from "./run-scheduled.ts";
export type { JobContext, JobHandler } from "./running-job.ts";
export { type PeriodicJob, schedule, unschedule } from "./schedule.ts";
export { TableQueue } from "./table-queue.ts";
