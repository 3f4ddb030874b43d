import type { Kysely } from "kysely";
import type { Schema } from "../database/index.ts";
import { ACCESS_LEVELS, type Access } from "../operations/index.ts";
import { AppError } from "../runtime/index.ts";
import type { AccountsContext } from "./accounts-context.ts";
import { newId, newSecret, secretHash } from "./secret.ts";

/** So that a token in a log or a repository is known for what it is. */
const PREFIX = "mbd_";
const DAY_MS = 24 * 60 * 60 * 1000;
const TOKENS_PER_USER_MAX = 100;

export interface ApiToken {
  readonly id: string;
  readonly name: string;
  readonly access: Access;
  /** The only operations it is for; undefined: all. */
  readonly operations: readonly string[] | undefined;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | undefined;
  readonly expiresAt: Date;
}

export interface NewApiToken {
  readonly userId: number;
  readonly name: string;
  readonly access: Access;
  readonly operations: readonly string[] | undefined;
  readonly days: number;
  /** What whoever makes it may do now: a token makes none that may do more than itself. */
  readonly maker: { readonly access: Access; readonly operations: readonly string[] | undefined };
}

/** Returns the token: it is shown once, only its hash is kept. Throws TOKEN_SCOPE (forbidden), TOKEN_LIMIT (conflict). */
export async function createApiToken(ctx: AccountsContext, token: NewApiToken): Promise<{ id: string; token: string }> {
  refuseMoreThanMaker(token);
  const secret = `${PREFIX}${newSecret()}`;
  const id = newId();
  await ctx.database.transaction(async (tx) => {
    const existing = await tx.selectFrom("api_tokens").select("id").where("user_id", "=", token.userId).execute();
    if (existing.length >= TOKENS_PER_USER_MAX) throw tokenLimit();
    const now = tx.now();
    await tx
      .insertInto("api_tokens")
      .values({
        id,
        user_id: token.userId,
        secret_hash: secretHash(secret),
        name: token.name,
        access: token.access,
        operations: token.operations === undefined ? null : JSON.stringify(token.operations),
        created_at: now.toISOString(),
        last_used_at: null,
        expires_at: new Date(now.getTime() + token.days * DAY_MS).toISOString(),
      })
      .execute();
  });
  return { id, token: secret };
}

export async function listApiTokens(db: Kysely<Schema>, userId: number): Promise<ApiToken[]> {
  const rows = await db
    .selectFrom("api_tokens")
    .selectAll()
    .where("user_id", "=", userId)
    .orderBy("created_at")
    .orderBy("id")
    .execute();
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    access: row.access as Access,
    operations: operationsOf(row.operations),
    createdAt: new Date(row.created_at),
    lastUsedAt: row.last_used_at === null ? undefined : new Date(row.last_used_at),
    expiresAt: new Date(row.expires_at),
  }));
}

/** Throws TOKEN_UNKNOWN (not-found). */
export async function removeApiToken(
  ctx: AccountsContext,
  token: { readonly userId: number; readonly id: string },
): Promise<void> {
  await ctx.database.transaction(async (tx) => {
    const removed = await tx
      .deleteFrom("api_tokens")
      .where("user_id", "=", token.userId)
      .where("id", "=", token.id)
      .executeTakeFirstOrThrow();
    if (Number(removed.numDeletedRows) === 0) throw tokenUnknown(token.id);
  });
}

export interface FoundToken {
  readonly id: string;
  readonly userId: number;
  readonly access: Access;
  readonly operations: readonly string[] | undefined;
  readonly lastUsedAt: Date | undefined;
}

export async function findApiToken(db: Kysely<Schema>, secret: string, now: Date): Promise<FoundToken | undefined> {
  const row = await db
    .selectFrom("api_tokens")
    .selectAll()
    .where("secret_hash", "=", secretHash(secret))
    .where("expires_at", ">", now.toISOString())
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    id: row.id,
    userId: row.user_id,
    access: row.access as Access,
    operations: operationsOf(row.operations),
    lastUsedAt: row.last_used_at === null ? undefined : new Date(row.last_used_at),
  };
}

function operationsOf(text: string | null): readonly string[] | undefined {
  return text === null ? undefined : (JSON.parse(text) as string[]);
}

function refuseMoreThanMaker({ access, maker }: NewApiToken): void {
  if (maker.operations === undefined && ACCESS_LEVELS.indexOf(access) <= ACCESS_LEVELS.indexOf(maker.access)) return;

  throw new AppError({
    kind: "forbidden",
    code: "TOKEN_SCOPE",
    message: "a token cannot be made for more than you may do with what you came with",
    hint: "Log in with your password, and make one for at most your own role",
  });
}

function tokenLimit(): AppError {
  return new AppError({
    kind: "conflict",
    code: "TOKEN_LIMIT",
    message: `an account has at most ${TOKENS_PER_USER_MAX} tokens`,
    hint: "Revoke those that are not used: token_ls shows when each was",
  });
}

function tokenUnknown(id: string): AppError {
  return new AppError({
    kind: "not-found",
    code: "TOKEN_UNKNOWN",
    message: `you have no token ${id.slice(0, 40)}`,
    hint: "token_ls shows them",
  });
}
