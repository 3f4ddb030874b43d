import type { SchemaMigration } from "../migration.ts";

/** Anybody may ask for the events of a distribution or a version since long ago: without these, all since then are read. */
export const eventFilters: SchemaMigration = {
  id: 15,
  name: "event-filters",
  statements: [
    "create index events_by_distribution on events (distribution, id)",
    "create index events_by_version on events (version, id)",
  ],
};
