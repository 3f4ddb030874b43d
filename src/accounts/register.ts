import type { Transaction } from "../database/index.ts";
import { AppError, quotaKeyOf } from "../runtime/index.ts";
import { orderAccountMail } from "./account-mail.ts";
import type { AccountsContext } from "./accounts-context.ts";
import { countAttempt } from "./attempts.ts";
import { recordAudit } from "./audit-log.ts";
import { checkPassword, hashPassword } from "./password.ts";
import { checkNameAndEmail, findUserByName, insertUser, type User } from "./user.ts";

export interface Registration {
  readonly name: string;
  readonly email: string;
  /** Only when an administrator decides; else the mailed link asks for it. */
  readonly password?: string | undefined;
  readonly peer: string;
}

/** Accounts nobody has let in yet: a stranger must not fill the table. */
const WAITING_MAX = 500;
const HOUR_MS = 60 * 60 * 1000;

/**
 * Ask for an account. What is answered does not tell whether the name is taken. Throws REGISTRATION_CLOSED (forbidden),
 * USER_NAME_INVALID, EMAIL_INVALID, PASSWORD_UNFIT (invalid), TOO_MANY_ATTEMPTS (forbidden).
 */
export async function register(ctx: AccountsContext, registration: Registration): Promise<void> {
  const { name, email, password } = registration;
  if (ctx.registration === "closed") throw registrationClosed();
  checkNameAndEmail(name, email);
  const isByMail = ctx.registration === "mail";
  if (!isByMail) checkPassword(password ?? "", name);
  const rule = { subject: `register ${quotaKeyOf(registration.peer)}`, free: 10, pauseMs: 60_000, pauseMsMax: 24 * HOUR_MS };
  await ctx.database.transaction((tx) => countAttempt(tx, [rule]));

  const passwordHash = isByMail ? null : await hashPassword(password ?? "");
  await ctx.database.transaction(async (tx) => {
    const actor = { name, peer: registration.peer };
    const waiting = await tx.selectFrom("users").select("id").where("state", "=", "registered").execute();
    const isRefused = waiting.length >= WAITING_MAX || (await findUserByName(tx, name)) !== undefined;
    await recordAudit(tx, { actor, act: "register", subject: { email }, outcome: isRefused ? "refused" : "done" });
    if (isRefused) return;

    const id = await insertUser(tx, { name, email, role: "login", state: "registered" });
    await tx.updateTable("users").set({ password_hash: passwordHash }).where("id", "=", id).execute();
    if (isByMail) await orderAccountMail(tx, { userId: id, purpose: "confirm" });
  });
}

/**
 * Send a link for a new password, when name or mail address belong to an active account; the answer is the same when
 * not. Throws MAIL_NOT_CONFIGURED (conflict), TOO_MANY_ATTEMPTS (forbidden).
 */
export async function askForPasswordReset(
  ctx: AccountsContext,
  request: { readonly nameOrEmail: string; readonly peer: string },
): Promise<void> {
  if (ctx.sendMail === undefined) throw mailNotConfigured();
  const { nameOrEmail, peer } = request;
  const rule = { subject: `reset ${quotaKeyOf(peer)}`, free: 10, pauseMs: 60_000, pauseMsMax: 24 * HOUR_MS };
  await ctx.database.transaction((tx) => countAttempt(tx, [rule]));

  await ctx.database.transaction(async (tx) => {
    const user = (await findUserByName(tx, nameOrEmail)) ?? (await findUserByEmail(tx, nameOrEmail));
    if (user?.state !== "active") return;
    const actor = { name: user.name, peer };
    await recordAudit(tx, { actor, act: "password-reset", subject: {}, outcome: "done" });
    await orderAccountMail(tx, { userId: user.id, purpose: "password" });
  });
}

async function findUserByEmail(tx: Transaction, email: string): Promise<User | undefined> {
  const rows = await tx.selectFrom("users").select("name").where("email", "=", email).limit(2).execute();
  // Two accounts with one address: the name has to be told.
  const [only] = rows;
  return rows.length === 1 && only !== undefined ? findUserByName(tx, only.name) : undefined;
}

function registrationClosed(): AppError {
  return new AppError({
    kind: "forbidden",
    code: "REGISTRATION_CLOSED",
    message: "this instance makes no accounts on request",
    hint: "Ask its administrator for one",
  });
}

function mailNotConfigured(): AppError {
  return new AppError({
    kind: "conflict",
    code: "MAIL_NOT_CONFIGURED",
    message: "this instance sends no mail, so it cannot send a link",
    hint: "Ask an administrator for one: mini-buildd user_link NAME",
  });
}
