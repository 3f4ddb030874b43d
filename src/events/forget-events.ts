import type { Database, Transaction } from "../database/index.ts";
import { DETAIL_EVENT_TYPES } from "./event.ts";

/** Others' writes wait for one transaction: short ones. */
const BATCH_SIZE = 1_000;

/** The detail events of uploads that are forgotten themselves; what people were told stays. */
export async function forgetUploadDetails(tx: Transaction, uploadIds: readonly string[]): Promise<void> {
  await tx.deleteFrom("events").where("upload_id", "in", uploadIds).where("type", "in", DETAIL_EVENT_TYPES).execute();
}

/** Events `delivery` from before `occurredBefore`: anybody can make one. Returns how many. */
export async function purgeDeliveryEvents(database: Database, occurredBefore: Date): Promise<number> {
  let purgedCount = 0;
  for (;;) {
    const batchCount = await database.transaction((tx) => purgeBatch(tx, occurredBefore));
    purgedCount += batchCount;
    if (batchCount < BATCH_SIZE) return purgedCount;
  }
}

async function purgeBatch(tx: Transaction, occurredBefore: Date): Promise<number> {
  const old = tx
    .selectFrom("events")
    .select("id")
    .where("type", "=", "delivery")
    .where("occurred_at", "<", occurredBefore.toISOString())
    .orderBy("id")
    .limit(BATCH_SIZE);
  const { numDeletedRows } = await tx.deleteFrom("events").where("id", "in", old).executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}
