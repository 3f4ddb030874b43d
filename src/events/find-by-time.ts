import type { Kysely } from "kysely";
import type { Schema } from "../database/index.ts";

/**
 * The id of the newest event that was recorded at `time` or before; 0 when there is none. By halving: ids grow with time,
 * and an index on time would cost every event for a question that is rare.
 */
export async function eventIdAt(db: Kysely<Schema>, time: Date): Promise<number> {
  const wanted = time.toISOString();
  let found = 0;
  let low = (await edge(db, "asc")) ?? 0;
  let high = (await edge(db, "desc")) ?? -1;
  while (low <= high) {
    const middle = low + Math.floor((high - low) / 2);
    // Ids have gaps: the nearest one from the middle up.
    const row = await db
      .selectFrom("events")
      .select(["id", "occurred_at"])
      .where("id", ">=", middle)
      .orderBy("id")
      .limit(1)
      .executeTakeFirst();
    if (row === undefined || row.occurred_at > wanted) {
      high = middle - 1;
      continue;
    }
    found = row.id;
    low = row.id + 1;
  }
  return found;
}

async function edge(db: Kysely<Schema>, order: "asc" | "desc"): Promise<number | undefined> {
  return (await db.selectFrom("events").select("id").orderBy("id", order).limit(1).executeTakeFirst())?.id;
}
