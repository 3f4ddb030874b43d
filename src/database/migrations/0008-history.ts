import type { SchemaMigration } from "../migration.ts";

/** What a distribution was at an instant, kept sets by name, and what the clean-up looks for. */
export const history: SchemaMigration = {
  id: 8,
  name: "history",
  statements: [
    `create table distribution_revisions (
      distribution text not null references distributions (name), change bigint not null, settings text not null,
      primary key (distribution, change))`,
    `insert into distribution_revisions (distribution, change, settings) select name, 1, settings from distributions`,
    `create table snapshots (
      distribution text not null references distributions (name), name text not null, state text not null,
      kind text not null, change bigint not null, release_date text not null, created_at text not null,
      created_by text not null, primary key (distribution, name))`,
    `create index publications_by_date on publications (distribution, release_date)`,
    `create index source_memberships_ended on source_memberships (distribution, valid_to) where valid_to is not null`,
    `create index binary_memberships_ended on binary_memberships (distribution, valid_to) where valid_to is not null`,
    `create index source_memberships_by_package on source_memberships (source_package_id)`,
    `create index binary_memberships_by_package on binary_memberships (binary_package_id)`,
    `create index binary_packages_by_path on binary_packages (repository_id, path)`,
  ],
};
