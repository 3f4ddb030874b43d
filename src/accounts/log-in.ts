import { AppError, quotaKeyOf } from "../runtime/index.ts";
import type { AccountsContext } from "./accounts-context.ts";
import { type AttemptRule, countAttempt, forgetAttempts } from "./attempts.ts";
import { recordAudit } from "./audit-log.ts";
import { endLoginSessions, startLoginSession } from "./login-session.ts";
import { isPassword } from "./password.ts";
import { findUserById, findUserByName, type User } from "./user.ts";

export interface LoginAttempt {
  readonly name: string;
  readonly password: string;
  /** Normalised address. */
  readonly peer: string;
  readonly client: string;
}

const MINUTE_MS = 60 * 1000;

/**
 * Check a password and begin a login session; returns the secret for its cookie. An unknown name, a wrong password and an
 * account that is not active look the same, also by the time it takes. Throws LOGIN_FAILED (unauthenticated),
 * TOO_MANY_ATTEMPTS (forbidden).
 */
export async function logIn(ctx: AccountsContext, attempt: LoginAttempt): Promise<{ secret: string; user: User }> {
  await ctx.database.transaction((tx) => countAttempt(tx, loginRules(attempt)));

  const found = await findUserByName(ctx.database.read, attempt.name);
  const isRight = await isPassword(attempt.password, found?.passwordHash);
  const result = await ctx.database.transaction(async (tx) => {
    const actor = { name: attempt.name, peer: attempt.peer };
    const user = found === undefined ? undefined : await findUserById(tx, found.id);
    // Read again: the password may have been changed, the account disabled, while the hash was computed.
    if (!isRight || user?.state !== "active" || user.passwordHash !== found?.passwordHash) {
      await recordAudit(tx, { actor, act: "login", subject: {}, outcome: "refused", code: "LOGIN_FAILED" });
      return undefined;
    }

    await forgetAttempts(tx, [ownSubject(attempt)]);
    const { peer, client } = attempt;
    const secret = await startLoginSession(tx, { userId: user.id, peer, client });
    await tx.updateTable("users").set({ last_login_at: tx.now().toISOString() }).where("id", "=", user.id).execute();
    await recordAudit(tx, { actor: { ...actor, name: user.name }, act: "login", subject: {}, outcome: "done" });
    return { secret, user };
  });
  if (result === undefined) throw loginFailed();
  return result;
}

/** End the session that a request came with. */
export async function logOut(ctx: AccountsContext, session: { readonly userId: number; readonly id: string }): Promise<void> {
  await ctx.database.transaction((tx) => endLoginSessions(tx, session));
}

/**
 * Wrong passwords are slowed down: for one name from one place soon, for one place with many names later, and for one
 * name from everywhere only a little, so that nobody can lock somebody else out.
 */
function loginRules(attempt: LoginAttempt): AttemptRule[] {
  const place = quotaKeyOf(attempt.peer);
  return [
    { subject: ownSubject(attempt), free: 5, pauseMs: 1000, pauseMsMax: 15 * MINUTE_MS },
    { subject: `login-peer ${place}`, free: 300, pauseMs: 1000, pauseMsMax: 5 * MINUTE_MS },
    { subject: `login-name ${nameKey(attempt)}`, free: 1000, pauseMs: 1000, pauseMsMax: 5000 },
  ];
}

function ownSubject(attempt: LoginAttempt): string {
  return `login ${nameKey(attempt)} ${quotaKeyOf(attempt.peer)}`;
}

function nameKey(attempt: LoginAttempt): string {
  return attempt.name.toLowerCase().slice(0, 80);
}

function loginFailed(): AppError {
  return new AppError({
    kind: "unauthenticated",
    code: "LOGIN_FAILED",
    message: "this name and password do not belong to an active account",
    hint: "Check both; a new password can be had at /accounts/password_reset/",
  });
}
