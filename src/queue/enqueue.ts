import type { Transaction } from "../database/index.ts";
import type { EnqueuedJob, NewJob } from "./job.ts";

/** `Database.onWake` topics: a job may be due; a leased job was cancelled. */
export const JOBS_TOPIC = "jobs";
export const JOBS_CANCELLED_TOPIC = "jobs-cancelled";

export const ATTEMPTS_MAX = 12;

/** Add a job in the transaction of the state change that makes it necessary: both or neither. Workers see it after the commit. */
export async function enqueue(tx: Transaction, job: NewJob): Promise<EnqueuedJob> {
  tx.wake(JOBS_TOPIC);
  const waiting = await findWaiting(tx, job.dedupeKey);
  if (waiting === undefined) return { jobId: await insert(tx, job), isNew: true };

  await tx
    .updateTable("jobs")
    .set({
      priority: Math.max(waiting.priority, job.priority ?? 0),
      run_at: earlier(waiting.run_at, runAt(tx, job)),
    })
    .where("id", "=", waiting.id)
    .execute();
  return { jobId: waiting.id, isNew: false };
}

/** The job that waits under this key, if any. Write transactions exclude each other, so it stays so until the commit. */
export async function findWaiting(
  tx: Transaction,
  dedupeKey: string | null | undefined,
): Promise<{ id: number; priority: number; run_at: string } | undefined> {
  if (dedupeKey === undefined || dedupeKey === null) return undefined;
  return tx
    .selectFrom("jobs")
    .select(["id", "priority", "run_at"])
    .where("dedupe_key", "=", dedupeKey)
    .where("state", "=", "waiting")
    .executeTakeFirst();
}

async function insert(tx: Transaction, job: NewJob): Promise<number> {
  const { id } = await tx
    .insertInto("jobs")
    .values({
      kind: job.kind,
      payload: JSON.stringify(job.payload ?? null),
      state: "waiting",
      priority: job.priority ?? 0,
      dedupe_key: job.dedupeKey ?? null,
      run_at: runAt(tx, job),
      attempt: 0,
      attempts_max: job.attemptsMax ?? ATTEMPTS_MAX,
      fence: 0,
      lease_expires_at: null,
      last_error: null,
      created_at: tx.now().toISOString(),
      ended_at: null,
    })
    .returning("id")
    .executeTakeFirstOrThrow();
  return id;
}

function runAt(tx: Transaction, job: NewJob): string {
  return (job.runAt ?? tx.now()).toISOString();
}

function earlier(left: string, right: string): string {
  return left < right ? left : right;
}
