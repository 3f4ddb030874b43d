import type { SchemaMigration } from "../migration.ts";

/** People, what they may do, their keys, and what was done by whom. */
export const accounts: SchemaMigration = {
  id: 11,
  name: "accounts",
  statements: [
    `create table users (
      id @id@, name text not null, name_key text not null unique, email text not null, role text not null, state text not null,
      password_hash text, created_at text not null, last_login_at text)`,
    `create index users_by_email on users (email)`,
    `create table login_sessions (
      id text primary key, user_id bigint not null references users (id), secret_hash text not null unique, peer text not null,
      client text not null, created_at text not null, last_used_at text not null, expires_at text not null)`,
    `create index login_sessions_by_user on login_sessions (user_id, created_at)`,
    `create index login_sessions_by_end on login_sessions (expires_at)`,
    `create table api_tokens (
      id text primary key, user_id bigint not null references users (id), secret_hash text not null unique, name text not null,
      access text not null, operations text, created_at text not null, last_used_at text, expires_at text not null)`,
    `create index api_tokens_by_user on api_tokens (user_id)`,
    `create table account_links (
      secret_hash text primary key, user_id bigint not null references users (id), purpose text not null,
      created_at text not null, expires_at text not null)`,
    `create index account_links_by_user on account_links (user_id)`,
    `create table attempts (
      subject text primary key, count integer not null, last_at text not null, blocked_until text not null)`,
    `create index attempts_by_time on attempts (last_at)`,
    `create table repository_rights (
      user_id bigint not null references users (id), repository_id text not null, kind text not null, granted_by text not null,
      granted_at text not null, primary key (user_id, repository_id, kind))`,
    `create index repository_rights_by_repository on repository_rights (repository_id, kind)`,
    `create table uploader_keys (
      fingerprint text primary key, user_id bigint not null references users (id), armored text not null, description text not null,
      state text not null, set_at text not null, decided_at text, decided_by text)`,
    `create index uploader_keys_by_user on uploader_keys (user_id)`,
    `create table audit_log (
      id @id@, occurred_at text not null, actor text not null, peer text not null, act text not null, subject text not null,
      outcome text not null, code text)`,
    `create index audit_log_by_actor on audit_log (actor, id)`,
  ],
};
