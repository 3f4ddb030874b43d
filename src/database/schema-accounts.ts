/** Tables of `accounts`, as schema.ts explains. */
import type { Generated } from "kysely";
import type { IsoTime } from "./schema.ts";

/** accounts: people. */
export interface UsersTable {
  id: Generated<number>;
  name: string;
  /** In lower case: two names never differ by case alone. */
  name_key: string;
  email: string;
  /** login | staff | admin */
  role: string;
  /** registered | active | disabled */
  state: string;
  /** argon2id, as a PHC string; null: none was set yet. */
  password_hash: string | null;
  created_at: IsoTime;
  last_login_at: IsoTime | null;
}

/** accounts: one row per browser or client that is logged in. */
interface LoginSessionsTable {
  /** Names it in lists; not secret. */
  id: string;
  user_id: number;
  /** SHA-256 of what the cookie holds. */
  secret_hash: string;
  peer: string;
  /** What the client calls itself. */
  client: string;
  created_at: IsoTime;
  last_used_at: IsoTime;
  expires_at: IsoTime;
}

/** accounts: secrets for programs. */
interface ApiTokensTable {
  id: string;
  user_id: number;
  secret_hash: string;
  name: string;
  /** It may do no more than this level, and no more than its user. */
  access: string;
  /** JSON: names of the only operations it is for; null: all. */
  operations: string | null;
  created_at: IsoTime;
  last_used_at: IsoTime | null;
  expires_at: IsoTime;
}

/** accounts: links that work once. purpose: password | confirm */
interface AccountLinksTable {
  secret_hash: string;
  user_id: number;
  purpose: string;
  created_at: IsoTime;
  expires_at: IsoTime;
}

/** accounts: what is done too often is slowed down. */
interface AttemptsTable {
  /** "login-peer 192.0.2.1" */
  subject: string;
  count: number;
  last_at: IsoTime;
  blocked_until: IsoTime;
}

/** accounts: what somebody may do in one repository beyond their role. kind: upload | migrate | manage */
interface RepositoryRightsTable {
  user_id: number;
  repository_id: string;
  kind: string;
  granted_by: string;
  granted_at: IsoTime;
}

/** accounts: the keys people sign uploads with. state: waiting | approved | refused */
export interface UploaderKeysTable {
  /** Of the primary key, upper-case hex. */
  fingerprint: string;
  user_id: number;
  armored: string;
  /** Its user id, for people. */
  description: string;
  state: string;
  set_at: IsoTime;
  decided_at: IsoTime | null;
  decided_by: string | null;
}

/** accounts: the keys people upload with over SFTP. */
export interface SshKeysTable {
  /** "SHA256:…" of its public part. */
  fingerprint: string;
  user_id: number;
  /** ssh-ed25519, … */
  type: string;
  comment: string;
  set_at: IsoTime;
  last_used_at: IsoTime | null;
}

/** accounts: every privileged act; only its outcome is filled in later. outcome: begun | done | refused | failed */
interface AuditLogTable {
  id: Generated<number>;
  occurred_at: IsoTime;
  actor: string;
  peer: string;
  act: string;
  /** JSON: what it was done to; no secrets. */
  subject: string;
  outcome: string;
  /** Of the error. */
  code: string | null;
}

export interface AccountsSchema {
  users: UsersTable;
  login_sessions: LoginSessionsTable;
  api_tokens: ApiTokensTable;
  account_links: AccountLinksTable;
  attempts: AttemptsTable;
  repository_rights: RepositoryRightsTable;
  uploader_keys: UploaderKeysTable;
  ssh_keys: SshKeysTable;
  audit_log: AuditLogTable;
}

export const accountsTableOwners: Readonly<Record<keyof AccountsSchema, string>> = {
  users: "accounts",
  login_sessions: "accounts",
  api_tokens: "accounts",
  account_links: "accounts",
  attempts: "accounts",
  repository_rights: "accounts",
  uploader_keys: "accounts",
  ssh_keys: "accounts",
  audit_log: "accounts",
};
