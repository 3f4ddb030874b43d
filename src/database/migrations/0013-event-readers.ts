import type { SchemaMigration } from "../migration.ts";

/** How far those have read the events that must miss none. */
export const eventReaders: SchemaMigration = {
  id: 13,
  name: "event-readers",
  statements: [`create table event_readers (name text primary key, event_id bigint not null)`],
};
