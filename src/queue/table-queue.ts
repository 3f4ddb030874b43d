import type { Database, JobsTable, Transaction } from "../database/index.ts";
import { AppError, type Clock } from "../runtime/index.ts";
import { enqueue, findWaiting, JOBS_CANCELLED_TOPIC, JOBS_TOPIC } from "./enqueue.ts";
import type { ClaimedJob, EnqueuedJob, JobRecord, JobState, NewJob } from "./job.ts";
import type { JobQueue, JobTarget } from "./job-queue.ts";

type JobRow = Omit<JobsTable, "id"> & { id: number };

const LAST_ERROR_LENGTH_MAX = 4_000;

/** The embedded driver: the table `jobs`, on either engine. */
export class TableQueue implements JobQueue {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  enqueue(tx: Transaction, job: NewJob): Promise<EnqueuedJob> {
    return enqueue(tx, job);
  }

  async claim(options: { readonly kinds: readonly string[]; readonly leaseMs: number }): Promise<ClaimedJob | undefined> {
    if (options.kinds.length === 0) return undefined;
    // Idle workers look often; a look must not cost a write transaction, for which others would wait.
    const due = await findDue(this.#database.read, options.kinds, this.#clock.now());
    if (due === undefined) return undefined;

    return this.#database.transaction(async (tx) => {
      const job = await findDue(tx, options.kinds, tx.now());
      return job === undefined ? undefined : lease(tx, job, options.leaseMs);
    });
  }

  async heartbeat(job: ClaimedJob, options: { readonly leaseMs: number }): Promise<boolean> {
    return this.#database.transaction(async (tx) => {
      const { numUpdatedRows } = await tx
        .updateTable("jobs")
        .set({ lease_expires_at: after(tx.now(), options.leaseMs) })
        .where("id", "=", job.id)
        .where("state", "=", "leased")
        .where("fence", "=", job.fence)
        .executeTakeFirstOrThrow();
      return numUpdatedRows === 1n;
    });
  }

  async complete(tx: Transaction, job: ClaimedJob): Promise<void> {
    await loadLeased(tx, job);
    await end(tx, job.id, "done");
  }

  async retry(tx: Transaction, job: ClaimedJob, options: { readonly error: string; readonly runAt: Date }): Promise<void> {
    const row = await loadLeased(tx, job);
    await backToWaiting(tx, row, {
      attempt: row.attempt + 1,
      run_at: options.runAt.toISOString(),
      last_error: options.error.slice(0, LAST_ERROR_LENGTH_MAX),
    });
  }

  async fail(tx: Transaction, job: ClaimedJob, options: { readonly error: string }): Promise<void> {
    const row = await loadLeased(tx, job);
    await end(tx, job.id, "failed", { attempt: row.attempt + 1, last_error: options.error.slice(0, LAST_ERROR_LENGTH_MAX) });
  }

  async release(tx: Transaction, job: ClaimedJob): Promise<void> {
    await backToWaiting(tx, await loadLeased(tx, job), {});
  }

  async cancel(tx: Transaction, target: JobTarget): Promise<boolean> {
    const live = await tx
      .selectFrom("jobs")
      .select(["id", "state"])
      .where("state", "in", ["waiting", "leased"])
      .$if("jobId" in target, (select) => select.where("id", "=", (target as { jobId: number }).jobId))
      .$if("dedupeKey" in target, (select) => select.where("dedupe_key", "=", (target as { dedupeKey: string }).dedupeKey))
      .execute();
    for (const { id } of live) await end(tx, id, "cancelled");
    if (live.some(({ state }) => state === "leased")) tx.wake(JOBS_CANCELLED_TOPIC);
    return live.length > 0;
  }

  async releaseAllLeases(tx: Transaction): Promise<number> {
    const leased = await tx.selectFrom("jobs").selectAll().where("state", "=", "leased").execute();
    for (const row of leased) await backToWaiting(tx, row, {});
    return leased.length;
  }

  async purge(tx: Transaction, endedBefore: Date): Promise<number> {
    const { numDeletedRows } = await tx
      .deleteFrom("jobs")
      .where("state", "in", ["done", "failed", "cancelled"])
      .where("ended_at", "<", endedBefore.toISOString())
      .executeTakeFirstOrThrow();
    return Number(numDeletedRows);
  }

  async find(jobId: number): Promise<JobRecord | undefined> {
    const row = await this.#database.read.selectFrom("jobs").selectAll().where("id", "=", jobId).executeTakeFirst();
    return row === undefined ? undefined : jobRecord(row);
  }
}

/** First those whose worker has vanished, then by priority. A key that is being worked on waits. */
async function findDue(db: Database["read"], kinds: readonly string[], now: Date): Promise<JobRow | undefined> {
  const abandoned = await db
    .selectFrom("jobs")
    .selectAll()
    .where("state", "=", "leased")
    .where("lease_expires_at", "<=", now.toISOString())
    .where("kind", "in", kinds)
    .orderBy("id")
    .executeTakeFirst();
  if (abandoned !== undefined) return abandoned;

  return db
    .selectFrom("jobs")
    .selectAll()
    .where("state", "=", "waiting")
    .where("run_at", "<=", now.toISOString())
    .where("kind", "in", kinds)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom("jobs as running")
            .select("running.id")
            .whereRef("running.dedupe_key", "=", "jobs.dedupe_key")
            .where("running.state", "=", "leased"),
        ),
      ),
    )
    .orderBy("priority", "desc")
    .orderBy("run_at")
    .orderBy("id")
    .limit(1)
    .executeTakeFirst();
}

async function lease(tx: Transaction, job: JobRow, leaseMs: number): Promise<ClaimedJob> {
  const fence = job.fence + 1;
  await tx
    .updateTable("jobs")
    .set({ state: "leased", fence, lease_expires_at: after(tx.now(), leaseMs) })
    .where("id", "=", job.id)
    .execute();
  return {
    id: job.id,
    kind: job.kind,
    payload: JSON.parse(job.payload) as unknown,
    attempt: job.attempt + 1,
    attemptsMax: job.attempts_max,
    fence,
  };
}

async function loadLeased(tx: Transaction, job: ClaimedJob): Promise<JobRow> {
  const row = await tx
    .selectFrom("jobs")
    .selectAll()
    .where("id", "=", job.id)
    .where("state", "=", "leased")
    .where("fence", "=", job.fence)
    .executeTakeFirst();
  if (row !== undefined) return row;

  throw new AppError({
    kind: "conflict",
    code: "JOB_LEASE_LOST",
    message: `job ${job.id} (${job.kind}) is no longer ours: its lease expired, or it was cancelled`,
    facts: { jobId: job.id, fence: job.fence },
  });
}

/** When another job with the same key came to wait meanwhile, that one does the work. */
async function backToWaiting(tx: Transaction, row: JobRow, changes: Partial<JobRow>): Promise<void> {
  const successor = await findWaiting(tx, row.dedupe_key);
  if (successor !== undefined) {
    await end(tx, row.id, "cancelled", { ...changes, last_error: `superseded by job ${successor.id}` });
    return;
  }

  await tx
    .updateTable("jobs")
    .set({ ...changes, state: "waiting", lease_expires_at: null })
    .where("id", "=", row.id)
    .execute();
  tx.wake(JOBS_TOPIC);
}

async function end(tx: Transaction, jobId: number, state: JobState, changes: Partial<JobRow> = {}): Promise<void> {
  await tx
    .updateTable("jobs")
    .set({ ...changes, state, lease_expires_at: null, ended_at: tx.now().toISOString() })
    .where("id", "=", jobId)
    .execute();
  // The next job with the same key may run now.
  tx.wake(JOBS_TOPIC);
}

/** What a row says of a job. */
export function jobRecord(row: JobRow): JobRecord {
  return {
    id: row.id,
    kind: row.kind,
    payload: JSON.parse(row.payload) as unknown,
    state: row.state as JobState,
    runAt: new Date(row.run_at),
    failures: row.attempt,
    lastError: row.last_error ?? undefined,
  };
}

function after(start: Date, durationMs: number): string {
  return new Date(start.getTime() + durationMs).toISOString();
}
