import type { SchemaMigration } from "../migration.ts";

export const core: SchemaMigration = {
  id: 1,
  name: "core",
  statements: [
    `create table events (
      id @id@, type text not null, upload_id text, build_id text, distribution text, source text, version text,
      architecture text, occurred_at text not null, data text not null)`,
    `create index events_by_upload on events (upload_id, id)`,
    `create index events_by_source on events (source, id)`,
    `create index events_by_type on events (type, id)`,

    `create table jobs (
      id @id@, kind text not null, payload text not null, state text not null, priority integer not null,
      dedupe_key text, run_at text not null, attempt integer not null, attempts_max integer not null,
      fence integer not null, lease_expires_at text, last_error text, created_at text not null, ended_at text)`,
    `create index jobs_to_run on jobs (state, priority, run_at)`,
    `create unique index jobs_waiting_key on jobs (dedupe_key) where state = 'waiting'`,
    `create index jobs_by_key on jobs (dedupe_key, state)`,
    `create table job_schedules (
      name text primary key, kind text not null, payload text not null, interval_ms bigint not null, next_run_at text not null)`,

    `create table quarantine_files (
      id text primary key, name text not null, size_bytes bigint not null, sha256 text not null, kind text not null,
      channel text not null, peer text not null, received_at text not null, expires_at text not null)`,
    `create index quarantine_files_by_name on quarantine_files (name, sha256)`,

    `create table uploads (
      id text primary key, state text not null, source text not null, version text not null, distribution text not null,
      timecode text not null, changes_name text not null, changes_sha256 text not null, changes_text text not null,
      signer_fingerprint text, channel text not null, peer text not null, problems text not null,
      received_at text not null, ended_at text)`,
    `create index uploads_by_changes on uploads (changes_sha256)`,
    `create index uploads_by_source on uploads (source, version)`,
    `create index uploads_by_state on uploads (state)`,
    `create table upload_files (
      upload_id text not null references uploads (id), name text not null, size_bytes bigint not null, sha256 text not null,
      primary key (upload_id, name))`,

    `create table builds (
      id text primary key, upload_id text not null references uploads (id), architecture text not null, attempt integer not null,
      builds_all integer not null, is_optional integer not null, state text not null, priority integer not null,
      build_order text not null, result text, reason text, not_before text not null, lease_expires_at text, builder text,
      created_at text not null, started_at text, ended_at text)`,
    `create unique index builds_by_upload on builds (upload_id, architecture, attempt)`,
    `create index builds_by_state on builds (state, priority, not_before)`,
    `create table build_steps (
      build_id text not null references builds (id), step text not null, started_at text not null, ended_at text, outcome text,
      note text, log_offset_bytes bigint not null, primary key (build_id, step))`,

    `create table catalog_revisions (id @id@, applied_at text not null, toml text not null)`,
  ],
};
