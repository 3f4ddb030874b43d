import type { Database } from "../../database/index.ts";

/** Forget what was made, or not, that long ago; returns how many. The uploads that came of it are remembered by themselves. */
export async function purgeMadeSources(database: Database, endedBefore: Date): Promise<number> {
  const result = await database.transaction((tx) =>
    tx
      .deleteFrom("made_sources")
      .where("state", "!=", "waiting")
      .where("ended_at", "<", endedBefore.toISOString())
      .executeTakeFirst(),
  );
  return Number(result.numDeletedRows);
}
