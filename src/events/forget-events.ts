import type { Database, Transaction } from "../database/index.ts";

/** Others' writes wait for one transaction: short ones. */
const BATCH_SIZE = 1_000;

/** The events of uploads that are forgotten themselves. */
export async function forgetUploads(tx: Transaction, uploadIds: readonly string[]): Promise<void> {
  await tx.deleteFrom("events").where("upload_id", "in", uploadIds).execute();
}

/** Events about deliveries that never became uploads, from before `occurredBefore`: anybody can make one. Returns how many. */
export async function purgeDeliveryEvents(database: Database, occurredBefore: Date): Promise<number> {
  return purge(database, (tx) =>
    oldestEvents(tx, occurredBefore).where((where) =>
      where.or([where("type", "=", "delivery"), where.and([where("type", "=", "REJECTED"), where("upload_id", "is", null)])]),
    ),
  );
}

/** All events from before `occurredBefore`. Returns how many. */
export async function purgeEvents(database: Database, occurredBefore: Date): Promise<number> {
  return purge(database, (tx) => oldestEvents(tx, occurredBefore));
}

type EventQuery = ReturnType<typeof oldestEvents>;

function oldestEvents(tx: Transaction, occurredBefore: Date) {
  return tx
    .selectFrom("events")
    .select("id")
    .where("occurred_at", "<", occurredBefore.toISOString())
    .orderBy("id")
    .limit(BATCH_SIZE);
}

async function purge(database: Database, select: (tx: Transaction) => EventQuery): Promise<number> {
  let purgedCount = 0;
  for (;;) {
    const batchCount = await database.transaction((tx) => purgeBatch(tx, select(tx)));
    purgedCount += batchCount;
    if (batchCount < BATCH_SIZE) return purgedCount;
  }
}

async function purgeBatch(tx: Transaction, old: EventQuery): Promise<number> {
  const { numDeletedRows } = await tx.deleteFrom("events").where("id", "in", old).executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}
