import type { Kysely, SelectQueryBuilder } from "kysely";
import type { EventsTable, Schema } from "../database/index.ts";
import { type EventType, type StoredEvent, storedEvent } from "./event.ts";

/** One page at most, whatever is asked for. */
export const EVENTS_PER_PAGE_MAX = 1_000;
const EVENTS_PER_PAGE = 100;

export interface EventFilter {
  readonly types?: readonly EventType[] | undefined;
  readonly uploadId?: string | undefined;
  readonly buildId?: string | undefined;
  readonly distribution?: string | undefined;
  readonly source?: string | undefined;
  readonly version?: string | undefined;
}

export interface EventQuery extends EventFilter {
  /** Only older ones: the id of the last event of the page before. */
  readonly beforeId?: number | undefined;
  /** Only newer ones. */
  readonly afterId?: number | undefined;
  /** Default 100, at most 1000. */
  readonly limit?: number | undefined;
}

/** Events, newest first. The next page has `beforeId` = the last id of this one. `db`: `database.read` or a transaction. */
export async function listEvents(db: Kysely<Schema>, query: EventQuery = {}): Promise<StoredEvent[]> {
  const rows = await filtered(db, query)
    .$if(query.beforeId !== undefined, (select) => select.where("id", "<", query.beforeId!))
    .$if(query.afterId !== undefined, (select) => select.where("id", ">", query.afterId!))
    .orderBy("id", "desc")
    .limit(pageSize(query.limit))
    .execute();
  return rows.map(storedEvent);
}

/** The next events after one, oldest first. */
export async function eventsAfter(
  db: Kysely<Schema>,
  afterId: number,
  filter: EventFilter,
  limit: number,
): Promise<StoredEvent[]> {
  const rows = await filtered(db, filter).where("id", ">", afterId).orderBy("id").limit(pageSize(limit)).execute();
  return rows.map(storedEvent);
}

/** The id of the newest event; 0 when there is none. */
export async function newestEventId(db: Kysely<Schema>): Promise<number> {
  const { id } = await db
    .selectFrom("events")
    .select((eb) => eb.fn.max("id").as("id"))
    .executeTakeFirstOrThrow();
  return id ?? 0;
}

type EventsSelect = SelectQueryBuilder<Schema, "events", EventsRow>;
type EventsRow = Omit<EventsTable, "id"> & { id: number };

function filtered(db: Kysely<Schema>, filter: EventFilter): EventsSelect {
  let select: EventsSelect = db.selectFrom("events").selectAll();
  if (filter.types !== undefined) select = select.where("type", "in", filter.types);
  if (filter.uploadId !== undefined) select = select.where("upload_id", "=", filter.uploadId);
  if (filter.buildId !== undefined) select = select.where("build_id", "=", filter.buildId);
  if (filter.distribution !== undefined) select = select.where("distribution", "=", filter.distribution);
  if (filter.source !== undefined) select = select.where("source", "=", filter.source);
  if (filter.version !== undefined) select = select.where("version", "=", filter.version);
  return select;
}

function pageSize(limit = EVENTS_PER_PAGE): number {
  return Math.max(1, Math.min(limit, EVENTS_PER_PAGE_MAX));
}
