import type { Kysely } from "kysely";
import type { Schema, Transaction } from "../database/index.ts";
import { AppError } from "../runtime/index.ts";
import { newSecret, secretHash } from "./secret.ts";

/**
 * A link that works once: whoever has it may set the password of one user. confirm: it also makes the account active,
 * for it came by mail or from an administrator.
 */
export type LinkPurpose = "password" | "confirm";

const LINK_LIFE_MS = 3 * 24 * 60 * 60 * 1000;

/** What the address of a link says. */
export interface AccountLink {
  /** Not in links of old. */
  readonly uid?: string | undefined;
  readonly secret: string;
}

/** Earlier links of the same user stop working. Returns its path; of the secret in it only the hash is kept. */
export async function makeAccountLink(tx: Transaction, userId: number, purpose: LinkPurpose): Promise<string> {
  const secret = newSecret();
  const now = tx.now();
  await tx.deleteFrom("account_links").where("user_id", "=", userId).execute();
  await tx
    .insertInto("account_links")
    .values({
      secret_hash: secretHash(secret),
      user_id: userId,
      purpose,
      created_at: now.toISOString(),
      expires_at: new Date(now.getTime() + LINK_LIFE_MS).toISOString(),
    })
    .execute();
  return `/accounts/activate/${uidOf(userId)}/${secret}/`;
}

/** Throws ACCOUNT_LINK_INVALID (not-found). */
export async function loadAccountLink(
  db: Kysely<Schema>,
  { uid, secret }: AccountLink,
  now: Date,
): Promise<{ readonly userId: number; readonly purpose: LinkPurpose }> {
  const row = await db
    .selectFrom("account_links")
    .select(["user_id", "purpose"])
    .where("secret_hash", "=", secretHash(secret))
    .where("expires_at", ">", now.toISOString())
    .executeTakeFirst();
  if (row !== undefined && (uid === undefined || uid === uidOf(row.user_id)))
    return { userId: row.user_id, purpose: row.purpose as LinkPurpose };

  throw new AppError({
    kind: "not-found",
    code: "ACCOUNT_LINK_INVALID",
    message: "this link has been used, is too old, or was replaced by a newer one",
    hint: "Ask for a new one at /accounts/password_reset/, or ask an administrator",
  });
}

export async function removeAccountLinks(tx: Transaction, userId: number): Promise<void> {
  await tx.deleteFrom("account_links").where("user_id", "=", userId).execute();
}

export async function purgeAccountLinks(tx: Transaction): Promise<void> {
  await tx.deleteFrom("account_links").where("expires_at", "<=", tx.now().toISOString()).execute();
}

/** As the original writes users in such addresses; it opens nothing. */
function uidOf(userId: number): string {
  return Buffer.from(String(userId)).toString("base64url");
}
