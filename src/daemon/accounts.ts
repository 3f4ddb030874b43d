import { type AccountsContext, hasAdministrator } from "../accounts/index.ts";
import type { Config } from "./config.ts";
import type { Foundation } from "./foundation.ts";
import { mailSender } from "./send-mail.ts";

/** Where people reach this instance. */
export function publicUrl(config: Config): string {
  const { http, hostname } = config;
  return http.url ?? (http.redirect ? encryptedUrl(config) : undefined) ?? `http://${hostname}:${http.port}`;
}

/** Where people reach it encrypted; undefined: nowhere. */
export function encryptedUrl({ http, hostname }: Config): string | undefined {
  if (http.url?.startsWith("https:") === true) return http.url;
  const encrypted = http.endpoints.find((endpoint) => endpoint.isEncrypted);
  if (encrypted === undefined) return undefined;
  return encrypted.port === 443 ? `https://${hostname}` : `https://${hostname}:${encrypted.port}`;
}

export function accountsContext({ config, database, clock, logger }: Foundation): AccountsContext {
  return {
    database,
    clock,
    logger: logger.child({ module: "accounts" }),
    registration: config.accounts.registration,
    url: publicUrl(config),
    sendMail: mailSender(config),
  };
}

/** There is no default password: the owner of the home makes the first administrator. */
export async function tellWhenNobodyAdministers({ logger }: Foundation, accounts: AccountsContext): Promise<void> {
  if (await hasAdministrator(accounts.database.read)) return;
  logger.info("nobody can administer by logging in yet; as this user, run: mini-buildd user_create NAME EMAIL --role admin", {
    url: accounts.url,
  });
}
