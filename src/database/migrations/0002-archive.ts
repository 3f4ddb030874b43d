import type { SchemaMigration } from "../migration.ts";

export const archive: SchemaMigration = {
  id: 2,
  name: "archive",
  statements: [
    `create table pool_files (
      sha256 text primary key, size_bytes bigint not null, md5 text not null, sha1 text not null, sha512 text not null,
      added_at text not null)`,
    `create table pool_paths (
      repository_id text not null, path text not null, name text not null, sha256 text not null references pool_files (sha256),
      is_linked integer not null, primary key (repository_id, path))`,
    `create index pool_paths_by_name on pool_paths (repository_id, name)`,
    `create index pool_paths_by_content on pool_paths (sha256)`,
    `create index pool_paths_to_link on pool_paths (repository_id) where is_linked = 0`,
    `create table installed_identities (
      repository_id text not null, kind text not null, name text not null, version text not null, architecture text not null,
      sha256 text not null, installed_at text not null, primary key (repository_id, kind, name, version, architecture))`,

    `create table source_packages (
      id @id@, repository_id text not null, name text not null, version text not null, component text not null,
      section text not null, dsc_path text not null, stanza text not null, added_at text not null,
      unique (repository_id, name, version))`,
    `create table source_package_files (
      source_package_id bigint not null references source_packages (id), name text not null, path text not null,
      sha256 text not null references pool_files (sha256), primary key (source_package_id, name))`,
    `create index source_package_files_by_content on source_package_files (sha256)`,
    `create table binary_packages (
      id @id@, repository_id text not null, kind text not null, name text not null, version text not null,
      architecture text not null, source text not null, source_version text not null, component text not null,
      section text not null, description text not null, path text not null, sha256 text not null references pool_files (sha256),
      size_bytes bigint not null, stanza text not null, added_at text not null,
      unique (repository_id, kind, name, version, architecture))`,
    `create index binary_packages_by_source on binary_packages (repository_id, source, source_version)`,
    `create table buildinfos (
      repository_id text not null, name text not null, source text not null, source_version text not null,
      path text not null, sha256 text not null references pool_files (sha256), primary key (repository_id, name, sha256))`,
    `create index buildinfos_by_source on buildinfos (repository_id, source, source_version)`,

    `create table distributions (
      name text primary key, repository_id text not null, settings text not null, change bigint not null,
      next_sequence bigint not null, created_at text not null)`,
    `create index distributions_by_repository on distributions (repository_id)`,
    `create table source_memberships (
      id @id@, distribution text not null references distributions (name),
      source_package_id bigint not null references source_packages (id), sequence bigint not null,
      valid_from bigint not null, valid_to bigint)`,
    `create unique index source_memberships_open on source_memberships (source_package_id, distribution) where valid_to is null`,
    `create index source_memberships_by_distribution on source_memberships (distribution, sequence)`,
    `create table binary_memberships (
      id @id@, distribution text not null references distributions (name),
      binary_package_id bigint not null references binary_packages (id), sequence bigint not null,
      valid_from bigint not null, valid_to bigint)`,
    `create unique index binary_memberships_open on binary_memberships (binary_package_id, distribution) where valid_to is null`,
    `create index binary_memberships_by_distribution on binary_memberships (distribution, sequence)`,

    `create table publications (
      distribution text not null references distributions (name), generation bigint not null, state text not null,
      change bigint not null, release_date text, requested_at text not null, published_at text, duration_ms bigint,
      primary key (distribution, generation))`,
    `create unique index publications_pending on publications (distribution) where state = 'pending'`,
    `create table publication_objects (
      distribution text not null references distributions (name), directory text not null, sha256 text not null,
      sha512 text not null, last_generation bigint not null, primary key (distribution, directory, sha256))`,
    `create index publication_objects_by_age on publication_objects (distribution, last_generation)`,
  ],
};
