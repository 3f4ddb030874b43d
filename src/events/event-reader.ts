import type { Database } from "../database/index.ts";
import type { StoredEvent } from "./event.ts";
import type { EventLog, EventSubscription } from "./event-log.ts";
import { newestEventId } from "./list-events.ts";

export interface EventReader extends Omit<EventSubscription, "afterId"> {
  /** Under which it is remembered how far it has come. */
  readonly name: string;
}

/**
 * Hands every event to `handle`, one after the other, also those that were recorded while nobody read: where it stands is
 * stored after each. After a crash the last one may come again. A new reader begins with what happens from now on. Ends
 * when the signal aborts; what `handle` throws ends it, too.
 */
export async function readEvents(
  database: Database,
  log: EventLog,
  { name, ...subscription }: EventReader,
  handle: (event: StoredEvent) => Promise<void>,
): Promise<void> {
  const afterId = await startReading(database, name);
  for await (const event of log.subscribe({ ...subscription, afterId })) {
    await handle(event);
    if (subscription.signal.aborted) return;
    await database.transaction((tx) =>
      tx.updateTable("event_readers").set({ event_id: event.id }).where("name", "=", name).execute(),
    );
  }
}

async function startReading(database: Database, name: string): Promise<number> {
  return database.transaction(async (tx) => {
    const row = await tx.selectFrom("event_readers").select("event_id").where("name", "=", name).executeTakeFirst();
    if (row !== undefined) return row.event_id;

    const newest = await newestEventId(tx);
    await tx.insertInto("event_readers").values({ name, event_id: newest }).execute();
    return newest;
  });
}
