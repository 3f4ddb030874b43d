import type { Database, Transaction } from "../database/index.ts";
import { forgetUploads } from "../events/index.ts";

/** Others' writes wait for one transaction: short ones. */
const BATCH_SIZE = 200;

/** Forget uploads that were rejected before `endedBefore`, with their files' names and events: anybody can make them. Returns how many. */
export async function purgeRejectedUploads(database: Database, endedBefore: Date): Promise<number> {
  let purgedCount = 0;
  for (;;) {
    const batchCount = await database.transaction((tx) => purgeBatch(tx, endedBefore));
    purgedCount += batchCount;
    if (batchCount < BATCH_SIZE) return purgedCount;
  }
}

/** A rejected upload never had builds. */
async function purgeBatch(tx: Transaction, endedBefore: Date): Promise<number> {
  const rows = await tx
    .selectFrom("uploads")
    .select("id")
    .where("state", "=", "rejected")
    .where("ended_at", "<", endedBefore.toISOString())
    .limit(BATCH_SIZE)
    .execute();
  const ids = rows.map((row) => row.id);
  if (ids.length === 0) return 0;

  await forgetUploads(tx, ids);
  await tx.deleteFrom("upload_files").where("upload_id", "in", ids).execute();
  await tx.deleteFrom("uploads").where("id", "in", ids).execute();
  return ids.length;
}
