import type { SchemaMigration } from "../migration.ts";

/** Builds that wait for build dependencies, and attempts that somebody asked for: each begins a series of its own. */
export const buildSeries: SchemaMigration = {
  id: 10,
  name: "build-series",
  statements: [
    `alter table builds add column waits_for text`,
    `alter table builds add column first_attempt integer not null default 1`,
    `alter table builds add column is_announced integer not null default 0`,
    `update builds set is_announced = 1 where attempt > 1`,
  ],
};
