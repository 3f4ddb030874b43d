import { ACCESS_LEVELS, type Access } from "../operations/index.ts";
import type { AccountsContext } from "./accounts-context.ts";
import { findApiToken } from "./api-token.ts";
import { findLoginSession, noteSessionUse } from "./login-session.ts";
import { type GrantedRight, listRepositoryRights } from "./repository-rights.ts";
import { findUserById } from "./user.ts";

/** A user who has shown who they are, and what they may do this time. */
export interface Principal {
  readonly userId: number;
  readonly name: string;
  readonly access: Access;
  /** In single repositories, beyond `access`. */
  readonly rights: readonly GrantedRight[];
  /** A token may be for some operations only; undefined: all. */
  readonly operations: readonly string[] | undefined;
  /** Of the login session; undefined for a token. */
  readonly sessionId: string | undefined;
}

const USE_NOTED_EVERY_MS = 5 * 60 * 1000;

/** By what the cookie holds; undefined: it is not (or no longer) good for anything. */
export async function findPrincipalBySession(ctx: AccountsContext, secret: string): Promise<Principal | undefined> {
  const session = await findLoginSession(ctx.database.read, secret, ctx.clock.now());
  if (session === undefined) return undefined;
  const principal = await principalOf(ctx, session.userId);
  if (principal === undefined) return undefined;

  if (session.isUseNews) await ctx.database.transaction((tx) => noteSessionUse(tx, session.id));
  return { ...principal, sessionId: session.id };
}

export async function findPrincipalByToken(ctx: AccountsContext, secret: string): Promise<Principal | undefined> {
  const now = ctx.clock.now();
  const token = await findApiToken(ctx.database.read, secret, now);
  if (token === undefined) return undefined;
  const principal = await principalOf(ctx, token.userId);
  if (principal === undefined) return undefined;

  if (token.lastUsedAt === undefined || now.getTime() - token.lastUsedAt.getTime() > USE_NOTED_EVERY_MS) {
    await ctx.database.transaction(async (tx) => {
      await tx.updateTable("api_tokens").set({ last_used_at: now.toISOString() }).where("id", "=", token.id).execute();
    });
  }
  const access = lower(principal.access, token.access);
  // Rights in repositories are those of staff: a token for less has none.
  const rights = ACCESS_LEVELS.indexOf(token.access) < ACCESS_LEVELS.indexOf("staff") ? [] : principal.rights;
  return { ...principal, access, rights, operations: token.operations };
}

async function principalOf(ctx: AccountsContext, userId: number): Promise<Principal | undefined> {
  const user = await findUserById(ctx.database.read, userId);
  if (user?.state !== "active") return undefined;

  const rights = await listRepositoryRights(ctx.database.read, user.id);
  return { userId: user.id, name: user.name, access: user.role, rights, operations: undefined, sessionId: undefined };
}

function lower(one: Access, other: Access): Access {
  return ACCESS_LEVELS.indexOf(one) <= ACCESS_LEVELS.indexOf(other) ? one : other;
}
