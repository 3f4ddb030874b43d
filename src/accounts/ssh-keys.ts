import type { Kysely, Selectable } from "kysely";
import type { Schema, SshKeysTable } from "../database/index.ts";
import { AppError } from "../runtime/index.ts";
import type { AccountsContext } from "./accounts-context.ts";
import { parseSshKey, sshFingerprintOf } from "./ssh-key-text.ts";

export interface StoredSshKey {
  readonly fingerprint: string;
  readonly type: string;
  readonly comment: string;
  readonly setAt: Date;
  readonly lastUsedAt: Date | undefined;
}

const KEYS_PER_USER_MAX = 50;
/** When it was used last is written down this often. */
const USE_NOTED_EVERY_MS = 5 * 60 * 1000;

/**
 * A user gives a key to upload with over SFTP. It opens a way in, no more: uploads are signed by uploader keys all the
 * same. Throws what parseSshKey throws, SSH_KEY_TAKEN, SSH_KEY_LIMIT (conflict).
 */
export async function setSshKey(
  ctx: AccountsContext,
  key: { readonly userId: number; readonly text: string },
): Promise<StoredSshKey> {
  const { type, fingerprint, comment } = parseSshKey(key.text);
  await ctx.database.transaction(async (tx) => {
    const known = await tx.selectFrom("ssh_keys").select("user_id").where("fingerprint", "=", fingerprint).executeTakeFirst();
    if (known !== undefined && known.user_id !== key.userId) throw keyTaken(fingerprint);
    if (known !== undefined) {
      await tx.updateTable("ssh_keys").set({ comment }).where("fingerprint", "=", fingerprint).execute();
      return;
    }

    const own = await tx.selectFrom("ssh_keys").select("fingerprint").where("user_id", "=", key.userId).execute();
    if (own.length >= KEYS_PER_USER_MAX) throw keyLimit();
    const values = { fingerprint, user_id: key.userId, type, comment, set_at: tx.now().toISOString(), last_used_at: null };
    await tx.insertInto("ssh_keys").values(values).execute();
  });
  const row = await ctx.database.read
    .selectFrom("ssh_keys")
    .selectAll()
    .where("fingerprint", "=", fingerprint)
    .executeTakeFirst();
  if (row === undefined) throw keyUnknown(fingerprint);
  return keyOf(row);
}

export async function listSshKeys(db: Kysely<Schema>, userId: number): Promise<StoredSshKey[]> {
  const rows = await db
    .selectFrom("ssh_keys")
    .selectAll()
    .where("user_id", "=", userId)
    .orderBy("set_at")
    .orderBy("fingerprint")
    .execute();
  return rows.map(keyOf);
}

/** Throws SSH_KEY_UNKNOWN (not-found). */
export async function removeSshKey(
  ctx: AccountsContext,
  key: { readonly userId: number; readonly fingerprint: string },
): Promise<void> {
  await ctx.database.transaction(async (tx) => {
    const removed = await tx
      .deleteFrom("ssh_keys")
      .where("fingerprint", "=", key.fingerprint.trim())
      .where("user_id", "=", key.userId)
      .executeTakeFirstOrThrow();
    if (Number(removed.numDeletedRows) === 0) throw keyUnknown(key.fingerprint.trim().slice(0, 80));
  });
}

/** Whether this key belongs to this user, who may log in. One question whatever the answer: its time tells nothing. */
export async function isSshKeyOf(
  ctx: AccountsContext,
  login: { readonly name: string; readonly key: Uint8Array },
): Promise<boolean> {
  const fingerprint = sshFingerprintOf(login.key);
  const row = await ctx.database.read
    .selectFrom("ssh_keys")
    .innerJoin("users", "users.id", "ssh_keys.user_id")
    .select(["users.name_key", "users.state", "ssh_keys.last_used_at"])
    .where("ssh_keys.fingerprint", "=", fingerprint)
    .executeTakeFirst();
  if (row?.name_key !== login.name.toLowerCase() || row.state !== "active") return false;

  const now = ctx.clock.now();
  if (row.last_used_at === null || now.getTime() - Date.parse(row.last_used_at) > USE_NOTED_EVERY_MS) {
    await ctx.database.transaction(async (tx) => {
      const used = { last_used_at: tx.now().toISOString() };
      await tx.updateTable("ssh_keys").set(used).where("fingerprint", "=", fingerprint).execute();
    });
  }
  return true;
}

function keyOf(row: Selectable<SshKeysTable>): StoredSshKey {
  return {
    fingerprint: row.fingerprint,
    type: row.type,
    comment: row.comment,
    setAt: new Date(row.set_at),
    lastUsedAt: row.last_used_at === null ? undefined : new Date(row.last_used_at),
  };
}

function keyTaken(fingerprint: string): AppError {
  return new AppError({
    kind: "conflict",
    code: "SSH_KEY_TAKEN",
    message: `key ${fingerprint} belongs to another account`,
    hint: "Make a key for each account; ask an administrator when this one should be yours",
  });
}

function keyLimit(): AppError {
  return new AppError({
    kind: "conflict",
    code: "SSH_KEY_LIMIT",
    message: `an account has at most ${KEYS_PER_USER_MAX} SSH keys`,
    hint: "Take away those that are not used: ssh_keys shows when each was",
  });
}

function keyUnknown(fingerprint: string): AppError {
  return new AppError({
    kind: "not-found",
    code: "SSH_KEY_UNKNOWN",
    message: `you have no SSH key ${fingerprint}`,
    hint: "Give the whole fingerprint, as ssh_keys shows it",
  });
}
