import type { Kysely } from "kysely";
import type { Schema } from "../database/index.ts";
import type { JobRecord, JobState } from "./job.ts";

export interface ListedJob extends JobRecord {
  readonly createdAt: Date;
  readonly endedAt: Date | undefined;
}

/** All jobs of a kind that are remembered, newest first, at most `limit`. */
export async function listJobs(db: Pick<Kysely<Schema>, "selectFrom">, kind: string, limit: number): Promise<ListedJob[]> {
  const rows = await db.selectFrom("jobs").selectAll().where("kind", "=", kind).orderBy("id", "desc").limit(limit).execute();
  return rows.map((row) => ({
    id: row.id,
    kind: row.kind,
    payload: JSON.parse(row.payload) as unknown,
    state: row.state as JobState,
    runAt: new Date(row.run_at),
    failures: row.attempt,
    lastError: row.last_error ?? undefined,
    createdAt: new Date(row.created_at),
    endedAt: row.ended_at === null ? undefined : new Date(row.ended_at),
  }));
}
