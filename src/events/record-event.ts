import type { Transaction } from "../database/index.ts";
import type { NewEvent } from "./event.ts";

/** `Database.onWake` topic of this module. */
export const EVENTS_TOPIC = "events";

/** Record a fact in the transaction that makes it true. Subscribers see it after the commit. Returns its id. */
export async function recordEvent(tx: Transaction, event: NewEvent): Promise<number> {
  const { id } = await tx
    .insertInto("events")
    .values({
      type: event.type,
      upload_id: event.uploadId ?? null,
      build_id: event.buildId ?? null,
      distribution: event.distribution ?? null,
      source: event.source ?? null,
      version: event.version ?? null,
      architecture: event.architecture ?? null,
      occurred_at: tx.now().toISOString(),
      data: JSON.stringify(event.data ?? {}),
    })
    .returning("id")
    .executeTakeFirstOrThrow();

  tx.wake(EVENTS_TOPIC);
  return id;
}
