import type { Kysely } from "kysely";
import type { Schema, Transaction } from "../database/index.ts";
import { AppError } from "../runtime/index.ts";
import { enqueue } from "./enqueue.ts";

export interface ScheduledWork {
  readonly name: string;
  readonly intervalMs: number;
  readonly nextRunAt: Date;
}

export async function listScheduled(db: Kysely<Schema>): Promise<ScheduledWork[]> {
  const rows = await db.selectFrom("job_schedules").selectAll().orderBy("name").execute();
  return rows.map(({ name, interval_ms, next_run_at }) => ({ name, intervalMs: interval_ms, nextRunAt: new Date(next_run_at) }));
}

/** Out of its turn; its next turn stays. Throws SCHEDULE_UNKNOWN (not-found). */
export async function runScheduledNow(tx: Transaction, name: string): Promise<void> {
  const row = await tx.selectFrom("job_schedules").selectAll().where("name", "=", name).executeTakeFirst();
  if (row === undefined) throw scheduleUnknown(name, await listScheduled(tx));
  await enqueue(tx, { kind: row.kind, payload: JSON.parse(row.payload) as unknown, dedupeKey: `schedule:${name}` });
}

function scheduleUnknown(name: string, known: readonly ScheduledWork[]): AppError {
  return new AppError({
    kind: "not-found",
    code: "SCHEDULE_UNKNOWN",
    message: `there is no periodic work ${JSON.stringify(name.slice(0, 100))}`,
    hint: `There is: ${known.map((work) => work.name).join(", ")}`,
  });
}
