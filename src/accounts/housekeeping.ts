import { purgeAccountLinks } from "./account-link.ts";
import type { AccountsContext } from "./accounts-context.ts";
import { purgeAttempts } from "./attempts.ts";
import { purgeLoginSessions } from "./login-session.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** Accounts that were asked for and never let in. */
const REGISTERED_MS_MAX = 30 * DAY_MS;
/** Strangers make entries of refused logins and registrations; what was done stays. */
const REFUSED_MS_MAX = 90 * DAY_MS;

/** Sessions, links and tokens that are over, requests nobody answered, counters that are not needed any more. */
export async function purgeAccounts(ctx: AccountsContext): Promise<void> {
  await ctx.database.transaction(async (tx) => {
    const now = tx.now().getTime();
    await purgeLoginSessions(tx);
    await purgeAccountLinks(tx);
    await purgeAttempts(tx);
    await tx.deleteFrom("api_tokens").where("expires_at", "<=", tx.now().toISOString()).execute();

    const registeredBefore = new Date(now - REGISTERED_MS_MAX).toISOString();
    const forgotten = tx
      .selectFrom("users")
      .select("id")
      .where("state", "=", "registered")
      .where("created_at", "<", registeredBefore);
    await tx.deleteFrom("account_links").where("user_id", "in", forgotten).execute();
    await tx.deleteFrom("ssh_keys").where("user_id", "in", forgotten).execute();
    await tx.deleteFrom("repository_rights").where("user_id", "in", forgotten).execute();
    await tx.deleteFrom("users").where("state", "=", "registered").where("created_at", "<", registeredBefore).execute();

    const refusedBefore = new Date(now - REFUSED_MS_MAX).toISOString();
    await tx
      .deleteFrom("audit_log")
      .where("act", "in", ["login", "register"])
      .where("outcome", "=", "refused")
      .where("occurred_at", "<", refusedBefore)
      .execute();
  });
}
