import { listSshKeys, type StoredSshKey, setSshKey as store, removeSshKey as takeAway } from "../accounts/index.ts";
import { removeSshKey, type SshKeyView, setSshKey, sshKeys } from "../operations/index.ts";
import { requireAccount } from "./account-arguments.ts";
import { implement } from "./implementation.ts";

export const handleSetSshKey = implement(setSshKey, async (ctx, { key }, caller) =>
  keyView(await store(ctx.accounts, { userId: requireAccount(caller), text: key })),
);

export const handleSshKeys = implement(sshKeys, async (ctx, _args, caller) => ({
  keys: (await listSshKeys(ctx.accounts.database.read, requireAccount(caller))).map(keyView),
}));

export const handleRemoveSshKey = implement(removeSshKey, async (ctx, { fingerprint }, caller) => {
  await takeAway(ctx.accounts, { userId: requireAccount(caller), fingerprint });
  return {};
});

function keyView(key: StoredSshKey): SshKeyView {
  return {
    fingerprint: key.fingerprint,
    type: key.type,
    comment: key.comment,
    set_at: key.setAt.toISOString(),
    last_used_at: key.lastUsedAt?.toISOString() ?? null,
  };
}
