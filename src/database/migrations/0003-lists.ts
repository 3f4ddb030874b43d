import type { SchemaMigration } from "../migration.ts";

/** For pages that list: uploads newest first; what is in a distribution now, when that is little. */
export const lists: SchemaMigration = {
  id: 3,
  name: "lists",
  statements: [
    `create index uploads_by_time on uploads (received_at, id)`,
    `create index source_memberships_now on source_memberships (distribution, source_package_id) where valid_to is null`,
  ],
};
