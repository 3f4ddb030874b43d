import type { Kysely } from "kysely";
import type { Schema, Transaction } from "../database/index.ts";
import { newId, newSecret, secretHash } from "./secret.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** A session that nobody uses ends. */
const IDLE_MS_MAX = 14 * DAY_MS;
/** The original's clients log in for every call: only the newest are kept. */
const SESSIONS_PER_USER_MAX = 50;
/** When it was used last is written down this often. */
const USE_NOTED_EVERY_MS = 5 * 60 * 1000;
const CLIENT_LENGTH_MAX = 200;

export interface LoginSession {
  /** For lists and for ending it; not secret. */
  readonly id: string;
  readonly peer: string;
  readonly client: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
}

export interface FoundSession {
  readonly id: string;
  readonly userId: number;
  /** Its last use should be written down: noteSessionUse. */
  readonly isUseNews: boolean;
}

/** Returns the secret for the cookie; only its hash is kept. */
export async function startLoginSession(
  tx: Transaction,
  session: { readonly userId: number; readonly peer: string; readonly client: string },
): Promise<string> {
  const secret = newSecret();
  const now = tx.now();
  await endOldestSessions(tx, session.userId);
  await tx
    .insertInto("login_sessions")
    .values({
      id: newId(),
      user_id: session.userId,
      secret_hash: secretHash(secret),
      peer: session.peer,
      client: session.client.slice(0, CLIENT_LENGTH_MAX),
      created_at: now.toISOString(),
      last_used_at: now.toISOString(),
      expires_at: new Date(now.getTime() + IDLE_MS_MAX).toISOString(),
    })
    .execute();
  return secret;
}

export async function findLoginSession(db: Kysely<Schema>, secret: string, now: Date): Promise<FoundSession | undefined> {
  const row = await db
    .selectFrom("login_sessions")
    .select(["id", "user_id", "last_used_at"])
    .where("secret_hash", "=", secretHash(secret))
    .where("expires_at", ">", now.toISOString())
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    id: row.id,
    userId: row.user_id,
    isUseNews: now.getTime() - Date.parse(row.last_used_at) > USE_NOTED_EVERY_MS,
  };
}

export async function noteSessionUse(tx: Transaction, id: string): Promise<void> {
  const now = tx.now();
  await tx
    .updateTable("login_sessions")
    .set({ last_used_at: now.toISOString(), expires_at: new Date(now.getTime() + IDLE_MS_MAX).toISOString() })
    .where("id", "=", id)
    .execute();
}

/** Newest first. */
export async function listLoginSessions(db: Kysely<Schema>, userId: number, now: Date): Promise<LoginSession[]> {
  const rows = await db
    .selectFrom("login_sessions")
    .selectAll()
    .where("user_id", "=", userId)
    .where("expires_at", ">", now.toISOString())
    .orderBy("created_at", "desc")
    .orderBy("id")
    .execute();
  return rows.map((row) => ({
    id: row.id,
    peer: row.peer,
    client: row.client,
    createdAt: new Date(row.created_at),
    lastUsedAt: new Date(row.last_used_at),
    expiresAt: new Date(row.expires_at),
  }));
}

/** One of a user's sessions, or all of them but perhaps one. Returns how many ended. */
export async function endLoginSessions(
  tx: Transaction,
  which: { readonly userId: number; readonly id?: string | undefined; readonly exceptId?: string | undefined },
): Promise<number> {
  const ended = await tx
    .deleteFrom("login_sessions")
    .where("user_id", "=", which.userId)
    .$if(which.id !== undefined, (query) => query.where("id", "=", which.id!))
    .$if(which.exceptId !== undefined, (query) => query.where("id", "!=", which.exceptId!))
    .executeTakeFirstOrThrow();
  return Number(ended.numDeletedRows);
}

export async function purgeLoginSessions(tx: Transaction): Promise<void> {
  await tx.deleteFrom("login_sessions").where("expires_at", "<=", tx.now().toISOString()).execute();
}

async function endOldestSessions(tx: Transaction, userId: number): Promise<void> {
  const kept = await tx
    .selectFrom("login_sessions")
    .select("id")
    .where("user_id", "=", userId)
    .orderBy("created_at", "desc")
    .limit(SESSIONS_PER_USER_MAX - 1)
    .execute();
  if (kept.length < SESSIONS_PER_USER_MAX - 1) return;

  const keptIds = kept.map(({ id }) => id);
  await tx.deleteFrom("login_sessions").where("user_id", "=", userId).where("id", "not in", keptIds).execute();
}
