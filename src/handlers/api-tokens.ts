import { createApiToken, listApiTokens, removeApiToken } from "../accounts/index.ts";
import { ACCESS_LEVELS, tokenCreate, tokenLs, tokenRevoke } from "../operations/index.ts";
import { requireAccount, requireOneOf } from "./account-arguments.ts";
import { implement } from "./implementation.ts";

export const handleTokenLs = implement(tokenLs, async (ctx, _args, caller) => {
  const tokens = await listApiTokens(ctx.accounts.database.read, requireAccount(caller));
  return {
    tokens: tokens.map((token) => ({
      id: token.id,
      name: token.name,
      access: token.access,
      operations: token.operations === undefined ? null : [...token.operations],
      created_at: token.createdAt.toISOString(),
      last_used_at: token.lastUsedAt?.toISOString() ?? null,
      expires_at: token.expiresAt.toISOString(),
    })),
  };
});

export const handleTokenCreate = implement(tokenCreate, (ctx, args, caller, { permission }) =>
  createApiToken(ctx.accounts, {
    userId: requireAccount(caller),
    name: args.name.slice(0, 200),
    access: requireOneOf("level of access", args.access ?? "login", ACCESS_LEVELS),
    operations: args.operations,
    days: args.days,
    maker: permission,
  }),
);

export const handleTokenRevoke = implement(tokenRevoke, async (ctx, { id }, caller) => {
  await removeApiToken(ctx.accounts, { userId: requireAccount(caller), id });
  return {};
});
