import type { EventsTable } from "../database/index.ts";

/** What people and the original's clients see, by the original's names. */
export const PUBLIC_EVENT_TYPES = [
  "PACKAGING",
  "BUILDING",
  "BUILT",
  "INSTALLED",
  "FAILED",
  "REJECTED",
  "MIGRATED",
  "REMOVED",
] as const;

/** Our own finer facts, for live pages and tests. `…-state` has data {from, to}; `delivery` is incoming's. */
export const DETAIL_EVENT_TYPES = [
  "upload-state",
  "build-state",
  "build-step",
  "publication-state",
  "snapshot-state",
  "delivery",
] as const;

export const EVENT_TYPES = [...PUBLIC_EVENT_TYPES, ...DETAIL_EVENT_TYPES] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export type EventData = Readonly<Record<string, unknown>>;

/** A fact about to be recorded. What it is about is named as far as known. */
export interface NewEvent {
  readonly type: EventType;
  readonly uploadId?: string | undefined;
  readonly buildId?: string | undefined;
  readonly distribution?: string | undefined;
  readonly source?: string | undefined;
  readonly version?: string | undefined;
  readonly architecture?: string | undefined;
  /** JSON values only. */
  readonly data?: EventData | undefined;
}

export interface StoredEvent extends NewEvent {
  /** Grows in the order in which facts became true; never used twice. */
  readonly id: number;
  readonly occurredAt: Date;
  readonly data: EventData;
}

/** A row as a StoredEvent. */
export function storedEvent(row: Omit<EventsTable, "id"> & { id: number }): StoredEvent {
  return {
    id: row.id,
    type: row.type as EventType,
    uploadId: row.upload_id ?? undefined,
    buildId: row.build_id ?? undefined,
    distribution: row.distribution ?? undefined,
    source: row.source ?? undefined,
    version: row.version ?? undefined,
    architecture: row.architecture ?? undefined,
    occurredAt: new Date(row.occurred_at),
    data: JSON.parse(row.data) as EventData,
  };
}
