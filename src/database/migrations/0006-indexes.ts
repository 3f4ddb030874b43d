import type { SchemaMigration } from "../migration.ts";

/** What the indexes of a distribution need beyond stanzas, and how to find what changed in it. */
export const indexes: SchemaMigration = {
  id: 6,
  name: "indexes",
  statements: [
    "alter table binary_packages add column translation text not null default ''",
    "alter table publication_objects add column size_bytes bigint not null default 0",
    `create table binary_package_paths (
      sha256 text primary key references pool_files (sha256) on delete cascade, paths @blob@ not null)`,
    "create index source_memberships_by_start on source_memberships (distribution, valid_from)",
    "create index source_memberships_by_end on source_memberships (distribution, valid_to) where valid_to is not null",
    "create index binary_memberships_by_start on binary_memberships (distribution, valid_from)",
    "create index binary_memberships_by_end on binary_memberships (distribution, valid_to) where valid_to is not null",
  ],
};
