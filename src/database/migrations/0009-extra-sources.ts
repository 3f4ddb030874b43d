import type { SchemaMigration } from "../migration.ts";

/** Sources that binary packages were built using, and those that a distribution shows for their sake. */
export const extraSources: SchemaMigration = {
  id: 9,
  name: "extra-sources",
  statements: [
    `create table built_using (
      binary_package_id bigint not null references binary_packages (id) on delete cascade, source text not null,
      version text not null, primary key (binary_package_id, source, version))`,
    `create table extra_sources (
      id @id@, distribution text not null references distributions (name),
      source_package_id bigint not null references source_packages (id) on delete cascade, sequence bigint not null,
      valid_from bigint not null, valid_to bigint)`,
    `create index extra_sources_by_distribution on extra_sources (distribution, sequence)`,
    `create unique index extra_sources_open on extra_sources (distribution, source_package_id) where valid_to is null`,
    `create index extra_sources_by_package on extra_sources (source_package_id)`,
  ],
};
