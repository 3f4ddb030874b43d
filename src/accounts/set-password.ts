import { AppError } from "../runtime/index.ts";
import { type AccountLink, loadAccountLink, removeAccountLinks } from "./account-link.ts";
import type { AccountsContext } from "./accounts-context.ts";
import { type Actor, recordAudit } from "./audit-log.ts";
import { endLoginSessions } from "./login-session.ts";
import { checkPassword, hashPassword, isPassword } from "./password.ts";
import { findUserById, type User } from "./user.ts";

/** Whose password a link sets. Throws ACCOUNT_LINK_INVALID (not-found). */
export async function findLinkUser(ctx: AccountsContext, link: AccountLink): Promise<User> {
  const { userId } = await loadAccountLink(ctx.database.read, link, ctx.clock.now());
  return requireUser(await findUserById(ctx.database.read, userId));
}

/**
 * Set the password by a link, which is used up; all sessions of the user end. Throws ACCOUNT_LINK_INVALID (not-found),
 * PASSWORD_UNFIT (invalid).
 */
export async function setPasswordByLink(
  ctx: AccountsContext,
  request: AccountLink & { readonly password: string; readonly peer: string },
): Promise<User> {
  const { password, peer } = request;
  const user = await findLinkUser(ctx, request);
  checkPassword(password, user.name);
  const passwordHash = await hashPassword(password);

  await ctx.database.transaction(async (tx) => {
    const { purpose } = await loadAccountLink(tx, request, tx.now());
    const current = requireUser(await findUserById(tx, user.id));
    const isActivated = purpose === "confirm" && current.state === "registered";
    await tx
      .updateTable("users")
      .set({ password_hash: passwordHash, ...(isActivated && { state: "active" }) })
      .where("id", "=", user.id)
      .execute();
    await removeAccountLinks(tx, user.id);
    await endLoginSessions(tx, { userId: user.id });
    const actor = { name: user.name, peer };
    await recordAudit(tx, { actor, act: "set-password", subject: { by: "link", activated: isActivated }, outcome: "done" });
  });
  return user;
}

/**
 * Change one's own password; every other session ends. Throws PASSWORD_WRONG (forbidden), PASSWORD_UNFIT (invalid).
 */
export async function changePassword(
  ctx: AccountsContext,
  change: {
    readonly userId: number;
    readonly sessionId: string | undefined;
    readonly old: string;
    readonly new: string;
    readonly actor: Actor;
  },
): Promise<void> {
  const user = requireUser(await findUserById(ctx.database.read, change.userId));
  if (!(await isPassword(change.old, user.passwordHash))) throw passwordWrong();
  checkPassword(change.new, user.name);
  const passwordHash = await hashPassword(change.new);

  await ctx.database.transaction(async (tx) => {
    await tx.updateTable("users").set({ password_hash: passwordHash }).where("id", "=", user.id).execute();
    await removeAccountLinks(tx, user.id);
    await endLoginSessions(tx, { userId: user.id, exceptId: change.sessionId });
    await recordAudit(tx, { actor: change.actor, act: "set-password", subject: { by: "old" }, outcome: "done" });
  });
}

function requireUser(user: User | undefined): User {
  if (user !== undefined && user.state !== "disabled") return user;

  throw new AppError({
    kind: "forbidden",
    code: "ACCOUNT_DISABLED",
    message: "this account is disabled",
    hint: "Ask an administrator",
  });
}

function passwordWrong(): AppError {
  return new AppError({
    kind: "forbidden",
    code: "PASSWORD_WRONG",
    message: "the old password is not right",
    hint: "Log out and ask for a new one at /accounts/password_reset/ when it is lost",
  });
}
