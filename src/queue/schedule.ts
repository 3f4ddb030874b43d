import type { Database, Transaction } from "../database/index.ts";
import type { Clock } from "../runtime/index.ts";
import { enqueue } from "./enqueue.ts";

export interface PeriodicJob {
  /** One row per name; declaring it again changes it and keeps its next time. */
  readonly name: string;
  readonly kind: string;
  readonly payload: unknown;
  readonly intervalMs: number;
  /** Default: one interval from now. Counts when the name is new. */
  readonly firstRunAt?: Date | undefined;
}

/** Enqueue a job of this kind every interval. Times missed while the daemon was down are made up for once. */
export async function schedule(tx: Transaction, periodic: PeriodicJob): Promise<void> {
  const { name, kind, intervalMs } = periodic;
  const declared = { kind, payload: JSON.stringify(periodic.payload ?? null), interval_ms: intervalMs };
  const oneIntervalOn = new Date(tx.now().getTime() + intervalMs).toISOString();

  const existing = await tx.selectFrom("job_schedules").selectAll().where("name", "=", name).executeTakeFirst();
  if (existing === undefined) {
    const nextRunAt = periodic.firstRunAt?.toISOString() ?? oneIntervalOn;
    await tx
      .insertInto("job_schedules")
      .values({ name, ...declared, next_run_at: nextRunAt })
      .execute();
    return;
  }

  // A shorter interval takes effect at once, not after the old one has passed.
  const isShorter = intervalMs < existing.interval_ms && oneIntervalOn < existing.next_run_at;
  await tx
    .updateTable("job_schedules")
    .set({ ...declared, next_run_at: isShorter ? oneIntervalOn : existing.next_run_at })
    .where("name", "=", name)
    .execute();
}

/** Jobs already enqueued are not touched. */
export async function unschedule(tx: Transaction, name: string): Promise<void> {
  await tx.deleteFrom("job_schedules").where("name", "=", name).execute();
}

/** Enqueue what is due. Workers call it; several may at once. */
export async function enqueueDue(database: Database, clock: Clock): Promise<void> {
  const due = await findDue(database.read, clock.now());
  if (due.length === 0) return;

  await database.transaction(async (tx) => {
    for (const periodic of await findDue(tx, tx.now())) {
      await enqueue(tx, {
        kind: periodic.kind,
        payload: JSON.parse(periodic.payload) as unknown,
        dedupeKey: `schedule:${periodic.name}`,
      });
      await tx
        .updateTable("job_schedules")
        .set({ next_run_at: new Date(tx.now().getTime() + periodic.interval_ms).toISOString() })
        .where("name", "=", periodic.name)
        .execute();
    }
  });
}

async function findDue(
  db: Database["read"],
  now: Date,
): Promise<{ name: string; kind: string; payload: string; interval_ms: number }[]> {
  return db
    .selectFrom("job_schedules")
    .select(["name", "kind", "payload", "interval_ms"])
    .where("next_run_at", "<=", now.toISOString())
    .orderBy("name")
    .execute();
}
