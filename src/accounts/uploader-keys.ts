import type { Kysely, Selectable } from "kysely";
import type { Schema, UploaderKeysTable } from "../database/index.ts";
import { readUploaderKey } from "../keyring/index.ts";
import { AppError } from "../runtime/index.ts";
import type { AccountsContext } from "./accounts-context.ts";

/** waiting: an administrator has not decided. Only approved keys count, and only where their owner has the right "upload". */
export const UPLOADER_KEY_STATES = {
  waiting: ["approved", "refused"],
  approved: ["refused"],
  refused: ["approved"],
} as const satisfies Record<string, readonly string[]>;
type UploaderKeyState = keyof typeof UPLOADER_KEY_STATES;

export interface StoredUploaderKey {
  readonly fingerprint: string;
  readonly userId: number;
  readonly userName: string;
  readonly armored: string;
  readonly description: string;
  readonly state: UploaderKeyState;
  readonly setAt: Date;
  readonly decidedBy: string | undefined;
}

/**
 * A user gives a key to sign uploads with. One that is known already is refreshed (a new expiry date, say) and keeps its
 * state. Throws what readUploaderKey throws, KEY_TAKEN (conflict).
 */
export async function setUploaderKey(
  ctx: AccountsContext,
  key: { readonly userId: number; readonly text: string },
): Promise<StoredUploaderKey> {
  const read = await readUploaderKey(key.text);
  const { fingerprint, armored, userId: description } = read;
  await ctx.database.transaction(async (tx) => {
    const known = await tx.selectFrom("uploader_keys").selectAll().where("fingerprint", "=", fingerprint).executeTakeFirst();
    if (known !== undefined && known.user_id !== key.userId) throw keyTaken(fingerprint);

    const values = { armored, description, set_at: tx.now().toISOString() };
    if (known === undefined) {
      await tx
        .insertInto("uploader_keys")
        .values({ ...values, fingerprint, user_id: key.userId, state: "waiting" })
        .execute();
    } else {
      await tx.updateTable("uploader_keys").set(values).where("fingerprint", "=", fingerprint).execute();
    }
  });
  return loadUploaderKey(ctx.database.read, fingerprint);
}

/**
 * An administrator approves a key for repositories, which gives its owner the right to upload there, or refuses it. It is
 * judged again: time may have passed. Throws KEY_UNKNOWN (not-found) and what readUploaderKey throws.
 */
export async function decideUploaderKey(
  ctx: AccountsContext,
  decision: {
    readonly fingerprint: string;
    readonly state: "approved" | "refused";
    readonly repositoryIds: readonly string[];
    readonly by: string;
  },
): Promise<StoredUploaderKey> {
  const key = await loadUploaderKey(ctx.database.read, normaliseFingerprint(decision.fingerprint));
  if (decision.state === "approved") await readUploaderKey(key.armored);

  await ctx.database.transaction(async (tx) => {
    const decided = { state: decision.state, decided_at: tx.now().toISOString(), decided_by: decision.by };
    await tx.updateTable("uploader_keys").set(decided).where("fingerprint", "=", key.fingerprint).execute();
    for (const repositoryId of decision.repositoryIds) {
      const granted = { granted_by: decision.by, granted_at: tx.now().toISOString() };
      await tx
        .insertInto("repository_rights")
        .values({ user_id: key.userId, repository_id: repositoryId, kind: "upload", ...granted })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    }
  });
  return loadUploaderKey(ctx.database.read, key.fingerprint);
}

/** A user takes a key of theirs away. Throws KEY_UNKNOWN (not-found). */
export async function removeUploaderKey(
  ctx: AccountsContext,
  key: { readonly userId: number; readonly fingerprint: string },
): Promise<void> {
  const fingerprint = normaliseFingerprint(key.fingerprint);
  await ctx.database.transaction(async (tx) => {
    const removed = await tx
      .deleteFrom("uploader_keys")
      .where("fingerprint", "=", fingerprint)
      .where("user_id", "=", key.userId)
      .executeTakeFirstOrThrow();
    if (Number(removed.numDeletedRows) === 0) throw keyUnknown(fingerprint);
  });
}

/** All, or those of one user; those that wait for a decision first. */
export async function listUploaderKeys(db: Kysely<Schema>, userId?: number): Promise<StoredUploaderKey[]> {
  const rows = await selectKeys(db)
    .$if(userId !== undefined, (query) => query.where("uploader_keys.user_id", "=", userId!))
    .orderBy("state", "desc")
    .orderBy("fingerprint")
    .execute();
  return rows.map(keyOf);
}

/** Whose signatures count for uploads to a repository. */
export async function uploaderKeysOf(db: Kysely<Schema>, repositoryId: string): Promise<StoredUploaderKey[]> {
  const rows = await selectKeys(db)
    .innerJoin("repository_rights", "repository_rights.user_id", "uploader_keys.user_id")
    .where("repository_rights.repository_id", "=", repositoryId)
    .where("repository_rights.kind", "=", "upload")
    .where("uploader_keys.state", "=", "approved")
    .where("users.state", "=", "active")
    .orderBy("fingerprint")
    .execute();
  return rows.map(keyOf);
}

async function loadUploaderKey(db: Kysely<Schema>, fingerprint: string): Promise<StoredUploaderKey> {
  const row = await selectKeys(db).where("fingerprint", "=", fingerprint).executeTakeFirst();
  if (row !== undefined) return keyOf(row);
  throw keyUnknown(fingerprint);
}

function selectKeys(db: Kysely<Schema>) {
  return db
    .selectFrom("uploader_keys")
    .innerJoin("users", "users.id", "uploader_keys.user_id")
    .selectAll("uploader_keys")
    .select("users.name as user_name");
}

function keyOf(row: Selectable<UploaderKeysTable> & { user_name: string }): StoredUploaderKey {
  return {
    fingerprint: row.fingerprint,
    userId: row.user_id,
    userName: row.user_name,
    armored: row.armored,
    description: row.description,
    state: row.state as UploaderKeyState,
    setAt: new Date(row.set_at),
    decidedBy: row.decided_by ?? undefined,
  };
}

/** As people copy it: with blanks, in lower case, with 0x in front. */
function normaliseFingerprint(text: string): string {
  return text.replaceAll(/\s+/g, "").replace(/^0x/i, "").toUpperCase().slice(0, 80);
}

function keyTaken(fingerprint: string): AppError {
  return new AppError({
    kind: "conflict",
    code: "KEY_TAKEN",
    message: `key ${fingerprint} belongs to another account`,
    hint: "Ask an administrator when it should be yours",
  });
}

function keyUnknown(fingerprint: string): AppError {
  return new AppError({
    kind: "not-found",
    code: "KEY_UNKNOWN",
    message: `there is no uploader key ${fingerprint}`,
    hint: "Give the whole fingerprint, as user_keys shows it",
  });
}
