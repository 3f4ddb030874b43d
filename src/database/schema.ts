/**
 * Every table as Kysely sees it. The first word of each comment is the module that alone writes the table;
 * test/architecture.test.ts checks that. Times are ISO 8601 text in UTC with milliseconds (sorts as text, same on
 * both engines); booleans are 0/1; `data` columns are JSON text.
 *
 * A new table or column also needs a schema migration in migrations/.
 */
import type { Generated } from "kysely";
import { type AccountsSchema, accountsTableOwners } from "./schema-accounts.ts";

export type IsoTime = string;

/** events: facts that others may read; append-only. */
export interface EventsTable {
  id: Generated<number>;
  type: string;
  upload_id: string | null;
  build_id: string | null;
  distribution: string | null;
  source: string | null;
  version: string | null;
  architecture: string | null;
  occurred_at: IsoTime;
  data: string;
}

/** events: how far those have read that must miss none. */
export interface EventReadersTable {
  name: string;
  event_id: number;
}

/** queue: durable jobs. state: waiting | leased | done | failed | cancelled. */
export interface JobsTable {
  id: Generated<number>;
  kind: string;
  payload: string;
  state: string;
  /** Higher runs first. */
  priority: number;
  /** At most one waiting and one leased job per key: work asked for while it runs is done once more afterwards. */
  dedupe_key: string | null;
  run_at: IsoTime;
  /** How often the handler has failed so far. */
  attempt: number;
  attempts_max: number;
  /** Fencing number: grows with each lease. */
  fence: number;
  lease_expires_at: IsoTime | null;
  last_error: string | null;
  created_at: IsoTime;
  ended_at: IsoTime | null;
}

/** queue: periodic work. */
export interface JobSchedulesTable {
  name: string;
  kind: string;
  payload: string;
  interval_ms: number;
  next_run_at: IsoTime;
}

/** incoming: finished files that no .changes has claimed yet, and waiting .changes. */
export interface QuarantineFilesTable {
  id: string;
  name: string;
  size_bytes: number;
  sha256: string;
  /** file | changes */
  kind: string;
  channel: string;
  peer: string;
  received_at: IsoTime;
  /** Set for a .changes: when it gives up waiting. */
  expires_at: IsoTime;
}

/** packager: one row per attempt to bring a signed .changes in. */
export interface UploadsTable {
  /** source/version/timecode: stable, readable, in URLs. */
  id: string;
  state: string;
  source: string;
  version: string;
  /** As the .changes says; may not exist. */
  distribution: string;
  timecode: string;
  changes_name: string;
  changes_sha256: string;
  /** The verified text inside the signature. */
  changes_text: string;
  signer_fingerprint: string | null;
  channel: string;
  peer: string;
  /** JSON: Problem[] when rejected or failed. */
  problems: string;
  received_at: IsoTime;
  ended_at: IsoTime | null;
}

/** packager: the files of an upload; bytes are in HOME/builds/<upload>/source/. */
export interface UploadFilesTable {
  upload_id: string;
  name: string;
  size_bytes: number;
  sha256: string;
}

/** packager: sources that this instance makes itself: ports, keyring packages, test packages. */
export interface MadeSourcesTable {
  id: Generated<number>;
  /** waiting | made | failed */
  state: string;
  source: string;
  /** The new one. */
  version: string;
  distribution: string;
  /** JSON: SourceRequest */
  request: string;
  asked_by: string;
  /** Once it is made. */
  upload_id: string | null;
  /** JSON: Problem, when it could not be made. */
  problem: string | null;
  created_at: IsoTime;
  ended_at: IsoTime | null;
}

/** farm: one row per attempt at building one architecture of an upload. */
export interface BuildsTable {
  id: string;
  upload_id: string;
  architecture: string;
  attempt: number;
  builds_all: number;
  is_optional: number;
  state: string;
  priority: number;
  /** JSON: BuildOrder */
  build_order: string;
  /** JSON: BuildResult, when done. */
  result: string | null;
  reason: string | null;
  not_before: IsoTime;
  /** JSON: DependencyWait, of an attempt that follows one whose build dependencies were missing. */
  waits_for: string | null;
  /** Attempts before this one do not count any more. */
  first_attempt: number;
  /** Its BUILDING has been recorded, by itself or by an attempt before it. */
  is_announced: number;
  lease_expires_at: IsoTime | null;
  builder: string | null;
  created_at: IsoTime;
  started_at: IsoTime | null;
  ended_at: IsoTime | null;
}

/** farm: the steps of a build. */
export interface BuildStepsTable {
  build_id: string;
  step: string;
  started_at: IsoTime;
  ended_at: IsoTime | null;
  outcome: string | null;
  note: string | null;
  log_offset_bytes: number;
}

/** catalog: accepted revisions of etc/catalog.toml; the newest is in force. */
export interface CatalogRevisionsTable {
  id: Generated<number>;
  applied_at: IsoTime;
  toml: string;
}

/** database: which schema migrations this database has. */
export interface SchemaMigrationsTable {
  id: number;
  name: string;
  checksum: string;
  applied_at: IsoTime;
}

/** archive: the content store: what HOME/pool/<aa>/<sha256> holds. */
export interface PoolFilesTable {
  sha256: string;
  size_bytes: number;
  md5: string;
  sha1: string;
  sha512: string;
  added_at: IsoTime;
}

/** archive: the files of HOME/repositories/<repository_id>/, by path: "pool/main/h/hello/hello_1.0-1.dsc". */
export interface PoolPathsTable {
  repository_id: string;
  path: string;
  /** The last part of path. */
  name: string;
  sha256: string;
  /** The hard link into the repository's tree is on the disk. */
  is_linked: number;
}

/** archive: what was ever installed; never deleted, so that a name never comes back with other content. */
export interface InstalledIdentitiesTable {
  repository_id: string;
  /** source | deb | udeb | file (of a source package, by name alone) */
  kind: string;
  name: string;
  /** Empty for kind file. */
  version: string;
  /** Empty for kinds source and file. */
  architecture: string;
  sha256: string;
  installed_at: IsoTime;
}

/** archive: source packages of a repository; in which distributions they are, say the memberships. */
export interface SourcePackagesTable {
  id: Generated<number>;
  repository_id: string;
  name: string;
  version: string;
  component: string;
  section: string;
  /** Path in the repository. */
  dsc_path: string;
  /** As in Sources, without the blank line at the end. */
  stanza: string;
  added_at: IsoTime;
}

/** archive: the .dsc and what it lists. Two revisions may share an orig: one path, one content. */
export interface SourcePackageFilesTable {
  source_package_id: number;
  name: string;
  path: string;
  sha256: string;
}

/** archive: binary packages of a repository. */
export interface BinaryPackagesTable {
  id: Generated<number>;
  repository_id: string;
  /** deb (also .ddeb) | udeb */
  kind: string;
  name: string;
  version: string;
  /** May be "all". */
  architecture: string;
  source: string;
  source_version: string;
  component: string;
  section: string;
  /** The first line. */
  description: string;
  path: string;
  sha256: string;
  size_bytes: number;
  /** As in Packages, without the blank line at the end. */
  stanza: string;
  /** The same for Translation-en; empty where the stanza has the whole description. */
  translation: Generated<string>;
  added_at: IsoTime;
}

/** archive: what a .deb, by its content, holds: paths by name, each with a newline, compressed with zstd. Without directories. */
export interface BinaryPackagePathsTable {
  sha256: string;
  paths: Uint8Array;
}

/** archive: sources that a binary package has parts of. */
export interface BuiltUsingTable {
  binary_package_id: number;
  source: string;
  version: string;
}

/** archive: sources that a distribution shows only because its binary packages were built using them. */
export interface ExtraSourcesTable {
  id: Generated<number>;
  distribution: string;
  source_package_id: number;
  sequence: number;
  valid_from: number;
  valid_to: number | null;
}

/** archive: how binary packages were built. */
export interface BuildinfosTable {
  repository_id: string;
  name: string;
  source: string;
  source_version: string;
  path: string;
  sha256: string;
}

/** archive: the distributions that are published. */
export interface DistributionsTable {
  name: string;
  repository_id: string;
  /** JSON: DistributionSettings */
  settings: string;
  /** Grows by one with each change of contents or settings. */
  change: number;
  /** Of the next membership. */
  next_sequence: number;
  created_at: IsoTime;
}

/** archive: the settings of a distribution from this change on. */
export interface DistributionRevisionsTable {
  distribution: string;
  change: number;
  /** JSON: DistributionSettings */
  settings: string;
}

/** archive: kept sets of a distribution by name. state: pending | kept | deleting. */
export interface SnapshotsTable {
  distribution: string;
  name: string;
  state: string;
  /** manual | weekly | monthly | yearly */
  kind: string;
  /** It shows the distribution as of this change. */
  change: number;
  /** The Date of its Release file. */
  release_date: IsoTime;
  created_at: IsoTime;
  created_by: string;
}

/** archive: a source package is in a distribution from change valid_from until before change valid_to (null: still). */
export interface SourceMembershipsTable {
  id: Generated<number>;
  distribution: string;
  source_package_id: number;
  /** Order in the index; new ones last. */
  sequence: number;
  valid_from: number;
  valid_to: number | null;
}

/** archive: the same for binary packages. */
export interface BinaryMembershipsTable {
  id: Generated<number>;
  distribution: string;
  binary_package_id: number;
  sequence: number;
  valid_from: number;
  valid_to: number | null;
}

/** archive: one row per generation of a distribution's indexes. state: pending | published. */
export interface PublicationsTable {
  distribution: string;
  generation: number;
  state: string;
  /** It shows the distribution as of this change. */
  change: number;
  /** The Date of its Release file; set before anybody can see it. */
  release_date: IsoTime | null;
  requested_at: IsoTime;
  published_at: IsoTime | null;
  duration_ms: number | null;
}

/** archive: the by-hash objects on disk and the last generation that names them. */
export interface PublicationObjectsTable {
  distribution: string;
  /** "main/binary-amd64" */
  directory: string;
  sha256: string;
  sha512: string;
  size_bytes: Generated<number>;
  last_generation: number;
}

export interface Schema extends AccountsSchema {
  schema_migrations: SchemaMigrationsTable;
  events: EventsTable;
  event_readers: EventReadersTable;
  jobs: JobsTable;
  job_schedules: JobSchedulesTable;
  quarantine_files: QuarantineFilesTable;
  uploads: UploadsTable;
  upload_files: UploadFilesTable;
  made_sources: MadeSourcesTable;
  builds: BuildsTable;
  build_steps: BuildStepsTable;
  catalog_revisions: CatalogRevisionsTable;
  pool_files: PoolFilesTable;
  pool_paths: PoolPathsTable;
  installed_identities: InstalledIdentitiesTable;
  source_packages: SourcePackagesTable;
  source_package_files: SourcePackageFilesTable;
  binary_packages: BinaryPackagesTable;
  binary_package_paths: BinaryPackagePathsTable;
  built_using: BuiltUsingTable;
  extra_sources: ExtraSourcesTable;
  buildinfos: BuildinfosTable;
  distributions: DistributionsTable;
  distribution_revisions: DistributionRevisionsTable;
  snapshots: SnapshotsTable;
  source_memberships: SourceMembershipsTable;
  binary_memberships: BinaryMembershipsTable;
  publications: PublicationsTable;
  publication_objects: PublicationObjectsTable;
}

/** Who writes which table. */
export const tableOwners: Readonly<Record<keyof Schema, string>> = {
  ...accountsTableOwners,
  schema_migrations: "database",
  events: "events",
  event_readers: "events",
  jobs: "queue",
  job_schedules: "queue",
  quarantine_files: "incoming",
  uploads: "packager",
  upload_files: "packager",
  made_sources: "packager",
  builds: "farm",
  build_steps: "farm",
  catalog_revisions: "catalog",
  pool_files: "archive",
  pool_paths: "archive",
  installed_identities: "archive",
  source_packages: "archive",
  source_package_files: "archive",
  binary_packages: "archive",
  binary_package_paths: "archive",
  built_using: "archive",
  extra_sources: "archive",
  buildinfos: "archive",
  distributions: "archive",
  distribution_revisions: "archive",
  snapshots: "archive",
  source_memberships: "archive",
  binary_memberships: "archive",
  publications: "archive",
  publication_objects: "archive",
};
