/**
 * Every table as Kysely sees it. The first word of each comment is the module that alone writes the table;
 * test/architecture.test.ts checks that. Times are ISO 8601 text in UTC with milliseconds (sorts as text, same on
 * both engines); booleans are 0/1; `data` columns are JSON text.
 *
 * A new table or column also needs a schema migration in migrations/.
 */
import type { Generated } from "kysely";

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

export interface Schema {
  schema_migrations: SchemaMigrationsTable;
  events: EventsTable;
  jobs: JobsTable;
  job_schedules: JobSchedulesTable;
  quarantine_files: QuarantineFilesTable;
  uploads: UploadsTable;
  upload_files: UploadFilesTable;
  builds: BuildsTable;
  build_steps: BuildStepsTable;
  catalog_revisions: CatalogRevisionsTable;
}

/** Who writes which table. */
export const tableOwners: Readonly<Record<keyof Schema, string>> = {
  schema_migrations: "database",
  events: "events",
  jobs: "queue",
  job_schedules: "queue",
  quarantine_files: "incoming",
  uploads: "packager",
  upload_files: "packager",
  builds: "farm",
  build_steps: "farm",
  catalog_revisions: "catalog",
};
