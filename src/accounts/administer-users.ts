import type { Transaction } from "../database/index.ts";
import { AppError } from "../runtime/index.ts";
import { makeAccountLink } from "./account-link.ts";
import type { AccountsContext } from "./accounts-context.ts";
import { endLoginSessions } from "./login-session.ts";
import { checkNameAndEmail, findUserByName, insertUser, loadUser, type Role, USER_STATES, type UserState } from "./user.ts";

export interface NewUser {
  readonly name: string;
  readonly email: string;
  readonly role: Role;
}

/**
 * An administrator makes an account; returns the address where its owner sets the password. Throws USER_EXISTS
 * (conflict), USER_NAME_INVALID, EMAIL_INVALID (invalid).
 */
export async function createUser(ctx: AccountsContext, user: NewUser): Promise<{ readonly link: string }> {
  checkNameAndEmail(user.name, user.email);
  const path = await ctx.database.transaction(async (tx) => {
    if ((await findUserByName(tx, user.name)) !== undefined) throw userExists(user.name);
    const id = await insertUser(tx, { ...user, state: "registered" });
    return makeAccountLink(tx, id, "confirm");
  });
  return { link: `${ctx.url}${path}` };
}

/** A link to set a password, to be handed over by the administrator. Throws USER_UNKNOWN (not-found), ACCOUNT_DISABLED. */
export async function createUserLink(ctx: AccountsContext, name: string): Promise<{ readonly link: string }> {
  const path = await ctx.database.transaction(async (tx) => {
    const user = await loadUser(tx, name);
    if (user.state === "disabled") throw userDisabled(user.name);
    return makeAccountLink(tx, user.id, user.state === "registered" ? "confirm" : "password");
  });
  return { link: `${ctx.url}${path}` };
}

export interface UserChange {
  readonly name: string;
  readonly role?: Role | undefined;
  readonly state?: UserState | undefined;
}

/**
 * Give another role, let in, shut out or let in again. Who is shut out loses sessions, tokens and links at once. Throws
 * USER_UNKNOWN (not-found), USER_STATE_IMPOSSIBLE, LAST_ADMINISTRATOR (conflict).
 */
export async function changeUser(ctx: AccountsContext, change: UserChange): Promise<void> {
  await ctx.database.transaction(async (tx) => {
    const user = await loadUser(tx, change.name);
    const state = change.state ?? user.state;
    const role = change.role ?? user.role;
    const next: readonly UserState[] = USER_STATES[user.state];
    if (state !== user.state && !next.includes(state)) throw stateImpossible(user.name, user.state, state);

    await tx.updateTable("users").set({ state, role }).where("id", "=", user.id).execute();
    const wasAdministrator = user.role === "admin" && user.state === "active";
    if (wasAdministrator && !(await hasAdministrator(tx))) throw lastAdministrator(user.name);
    if (state === "disabled") await shutOut(tx, user.id);
  });
}

/** Whether anybody can administer by logging in. */
export async function hasAdministrator(db: Pick<Transaction, "selectFrom">): Promise<boolean> {
  const found = await db
    .selectFrom("users")
    .select("id")
    .where("role", "=", "admin")
    .where("state", "=", "active")
    .limit(1)
    .execute();
  return found.length > 0;
}

async function shutOut(tx: Transaction, userId: number): Promise<void> {
  await endLoginSessions(tx, { userId });
  await tx.deleteFrom("api_tokens").where("user_id", "=", userId).execute();
  await tx.deleteFrom("account_links").where("user_id", "=", userId).execute();
}

function userExists(name: string): AppError {
  return new AppError({
    kind: "conflict",
    code: "USER_EXISTS",
    message: `there is a user ${name} already`,
    hint: "Take another name, or change that user with user_set",
  });
}

function userDisabled(name: string): AppError {
  return new AppError({
    kind: "forbidden",
    code: "ACCOUNT_DISABLED",
    message: `the account of ${name} is disabled`,
    hint: "Let it in again first: user_set --state active",
  });
}

function stateImpossible(name: string, from: UserState, to: UserState): AppError {
  return new AppError({
    kind: "conflict",
    code: "USER_STATE_IMPOSSIBLE",
    message: `${name} is ${from} and cannot become ${to}`,
    hint: `From ${from} it can become ${USER_STATES[from].join(" or ")}`,
  });
}

function lastAdministrator(name: string): AppError {
  return new AppError({
    kind: "conflict",
    code: "LAST_ADMINISTRATOR",
    message: `${name} is the last administrator who can log in`,
    hint: "Make somebody else administrator first",
  });
}
