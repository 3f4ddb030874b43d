import {
  decideUploaderKey,
  listUploaderKeys,
  removeUploaderKey,
  type StoredUploaderKey,
  setUploaderKey,
} from "../accounts/index.ts";
import {
  approveUserKey,
  refuseUserKey,
  removeUserKey,
  setUserKey,
  type UploaderKeyView,
  uploaderKeys,
  uploaders,
  userKeys,
} from "../operations/index.ts";
import { requireAccount, requireRepository } from "./account-arguments.ts";
import { implement } from "./implementation.ts";

export const handleSetUserKey = implement(setUserKey, async (ctx, { key }, caller) =>
  keyView(await setUploaderKey(ctx.accounts, { userId: requireAccount(caller), text: key })),
);

export const handleUserKeys = implement(userKeys, async (ctx, _args, caller) => ({
  keys: (await listUploaderKeys(ctx.accounts.database.read, requireAccount(caller))).map(keyView),
}));

export const handleUploaderKeys = implement(uploaderKeys, async (ctx) => ({
  keys: (await listUploaderKeys(ctx.accounts.database.read)).map(keyView),
}));

export const handleRemoveUserKey = implement(removeUserKey, async (ctx, { fingerprint }, caller) => {
  await removeUploaderKey(ctx.accounts, { userId: requireAccount(caller), fingerprint });
  return {};
});

export const handleApproveUserKey = implement(approveUserKey, async (ctx, { fingerprint, repositories }, caller) => {
  for (const id of repositories ?? []) requireRepository(ctx, id);
  const decision = { fingerprint, state: "approved", repositoryIds: repositories ?? [], by: caller.name } as const;
  return keyView(await decideUploaderKey(ctx.accounts, decision));
});

export const handleRefuseUserKey = implement(refuseUserKey, async (ctx, { fingerprint }, caller) =>
  keyView(await decideUploaderKey(ctx.accounts, { fingerprint, state: "refused", repositoryIds: [], by: caller.name })),
);

export const handleUploaders = implement(uploaders, (ctx, { repositories }) => ctx.listUploaders(repositories));

function keyView(key: StoredUploaderKey): UploaderKeyView {
  return {
    fingerprint: key.fingerprint,
    user: key.userName,
    description: key.description,
    state: key.state,
    set_at: key.setAt.toISOString(),
    decided_by: key.decidedBy ?? null,
  };
}
