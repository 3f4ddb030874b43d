import type { SchemaMigration } from "../migration.ts";

/** Migrations 6 and 7, 8 made the same indexes under two names: each row was written twice into them. */
export const singleIndexes: SchemaMigration = {
  id: 16,
  name: "single-indexes",
  statements: [
    "drop index source_memberships_begun",
    "drop index binary_memberships_begun",
    "drop index source_memberships_ended",
    "drop index binary_memberships_ended",
  ],
};
