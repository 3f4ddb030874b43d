import type { Kysely } from "kysely";
import type { Schema } from "../database/index.ts";
import type { JobRecord } from "./job.ts";
import { jobRecord } from "./table-queue.ts";

export interface ListedJob extends JobRecord {
  readonly createdAt: Date;
  readonly endedAt: Date | undefined;
}

/** All jobs of a kind that are remembered, newest first, at most `limit`. */
export async function listJobs(db: Pick<Kysely<Schema>, "selectFrom">, kind: string, limit: number): Promise<ListedJob[]> {
  const rows = await db.selectFrom("jobs").selectAll().where("kind", "=", kind).orderBy("id", "desc").limit(limit).execute();
  return rows.map((row) => ({
    ...jobRecord(row),
    createdAt: new Date(row.created_at),
    endedAt: row.ended_at === null ? undefined : new Date(row.ended_at),
  }));
}
