import type { SchemaMigration } from "../migration.ts";

/** What people upload with over SFTP. */
export const sshKeys: SchemaMigration = {
  id: 14,
  name: "ssh-keys",
  statements: [
    `create table ssh_keys (
      fingerprint text primary key, user_id bigint not null references users (id), type text not null, comment text not null,
      set_at text not null, last_used_at text)`,
    `create index ssh_keys_by_user on ssh_keys (user_id)`,
  ],
};
