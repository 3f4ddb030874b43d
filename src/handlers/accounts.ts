import {
  changeUser,
  createUser,
  createUserLink,
  endLoginSessions,
  listAudit,
  listLoginSessions,
  listRepositoryRights,
  listUsers,
  loadUser,
  ROLES,
  setRepositoryRights,
  type User,
} from "../accounts/index.ts";
import {
  audit,
  sessionEnd,
  sessionLs,
  type UserView,
  userCreate,
  userLink,
  userLs,
  userRights,
  userSet,
  whoami,
} from "../operations/index.ts";
import { AppError } from "../runtime/index.ts";
import { requireAccount, requireOneOf, requireRepository } from "./account-arguments.ts";
import type { OperationContext } from "./context.ts";
import { implement } from "./implementation.ts";

const SETTABLE_STATES = ["active", "disabled"] as const;

export const handleWhoami = implement(whoami, (_ctx, _args, caller, { permission }) => ({
  name: caller.name,
  access: permission.access,
  rights: permission.rights.map(({ repositoryId, right }) => ({ repository: repositoryId, right })),
}));

export const handleUserLs = implement(userLs, async (ctx) => {
  const users: UserView[] = [];
  for (const user of await listUsers(ctx.accounts.database.read)) users.push(await userView(ctx, user));
  return { users };
});

export const handleUserCreate = implement(userCreate, (ctx, args) => {
  const role = requireOneOf("role", args.role ?? "login", ROLES);
  return createUser(ctx.accounts, { name: args.name, email: args.email, role });
});

export const handleUserLink = implement(userLink, (ctx, args) => createUserLink(ctx.accounts, args.name));

export const handleUserSet = implement(userSet, async (ctx, { name, role, state }) => {
  await changeUser(ctx.accounts, {
    name,
    role: role === undefined ? undefined : requireOneOf("role", role, ROLES),
    state: state === undefined ? undefined : requireOneOf("state", state, SETTABLE_STATES),
  });
  return loadUserView(ctx, name);
});

export const handleUserRights = implement(userRights, async (ctx, { name, repository, rights }, caller) => {
  requireRepository(ctx, repository);
  const grant = { user: name, repositoryId: repository, rights: rights ?? [], grantedBy: caller.name };
  await setRepositoryRights(ctx.accounts, grant);
  return loadUserView(ctx, name);
});

export const handleSessionLs = implement(sessionLs, async (ctx, _args, caller, visitor) => {
  const { database, clock } = ctx.accounts;
  const sessions = await listLoginSessions(database.read, requireAccount(caller), clock.now());
  return {
    sessions: sessions.map(({ id, peer, client, createdAt, lastUsedAt, expiresAt }) => ({
      id,
      peer,
      client,
      created_at: createdAt.toISOString(),
      last_used_at: lastUsedAt.toISOString(),
      expires_at: expiresAt.toISOString(),
      is_this: id === visitor.session?.id,
    })),
  };
});

export const handleSessionEnd = implement(sessionEnd, async (ctx, { id, others }, caller, visitor) => {
  const userId = requireAccount(caller);
  if ((id === undefined) === !others) throw oneOrOthers();
  const which = others ? { userId, exceptId: visitor.session?.id } : { userId, id };
  return { ended: await ctx.accounts.database.transaction((tx) => endLoginSessions(tx, which)) };
});

export const handleAudit = implement(audit, async (ctx, { actor, act, before, limit }) => {
  const entries = await listAudit(ctx.accounts.database.read, { actor, act, beforeId: before, limit });
  return {
    entries: entries.map((entry) => ({
      id: entry.id,
      occurred_at: entry.occurredAt.toISOString(),
      actor: entry.actor.name,
      peer: entry.actor.peer,
      act: entry.act,
      subject: { ...entry.subject },
      outcome: entry.outcome,
      code: entry.code ?? null,
    })),
  };
});

async function loadUserView(ctx: OperationContext, name: string): Promise<UserView> {
  return userView(ctx, await loadUser(ctx.accounts.database.read, name));
}

async function userView(ctx: OperationContext, user: User): Promise<UserView> {
  const rights = await listRepositoryRights(ctx.accounts.database.read, user.id);
  return {
    name: user.name,
    email: user.email,
    role: user.role,
    state: user.state,
    created_at: user.createdAt.toISOString(),
    last_login_at: user.lastLoginAt?.toISOString() ?? null,
    rights: rights.map(({ repositoryId, right }) => ({ repository: repositoryId, right })),
  };
}

function oneOrOthers(): AppError {
  return new AppError({
    kind: "invalid",
    code: "ARGUMENT_INVALID",
    message: "session_end wants either the id of a session or others",
    hint: "session_ls shows the ids",
  });
}
