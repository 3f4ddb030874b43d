import type { SchemaMigration } from "../migration.ts";

/** What came with a change, to undo it. */
export const movement: SchemaMigration = {
  id: 7,
  name: "movement",
  statements: [
    `create index source_memberships_begun on source_memberships (distribution, valid_from)`,
    `create index binary_memberships_begun on binary_memberships (distribution, valid_from)`,
  ],
};
