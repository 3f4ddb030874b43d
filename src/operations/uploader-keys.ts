import { z } from "zod";
import { defineOperation, type Operation } from "./operation.ts";
import { list, requiredText } from "./parameter.ts";

const keyView = z.object({
  fingerprint: z.string(),
  user: z.string(),
  /** User id of the key. */
  description: z.string(),
  /** waiting, approved, refused. */
  state: z.string(),
  set_at: z.string(),
  decided_by: z.string().nullable(),
});
export type UploaderKeyView = z.infer<typeof keyView>;

export const setUserKey = defineOperation({
  name: "set_user_key",
  summary: "Set a public key that you sign uploads with; an administrator has to approve it",
  access: "login",
  changesState: true,
  parameters: { key: requiredText("ASCII-armored public key", { positional: true }) },
  result: keyView,
  example: { key: "-----BEGIN PGP PUBLIC KEY BLOCK-----" },
});

export const userKeys = defineOperation({
  name: "user_keys",
  summary: "Show your uploader keys",
  access: "login",
  parameters: {},
  result: z.object({ keys: z.array(keyView) }),
});

export const uploaderKeys = defineOperation({
  name: "uploader_keys",
  summary: "Show the uploader keys of all users; those that wait for a decision first",
  access: "admin",
  parameters: {},
  result: z.object({ keys: z.array(keyView) }),
});

export const removeUserKey = defineOperation({
  name: "remove_user_key",
  summary: "Take one of your uploader keys away",
  access: "login",
  changesState: true,
  parameters: { fingerprint: requiredText("fingerprint of the key", { positional: true }) },
  result: z.object({}),
  example: { fingerprint: "0123456789ABCDEF0123456789ABCDEF01234567" },
});

export const approveUserKey = defineOperation({
  name: "approve_user_key",
  summary: "Let the owner of a key upload to repositories",
  access: "admin",
  changesState: true,
  parameters: {
    fingerprint: requiredText("fingerprint of the key", { positional: true }),
    repositories: list("ids of the repositories; its owner gets the right to upload there", { short: "R" }),
  },
  result: keyView,
  example: { fingerprint: "0123456789ABCDEF0123456789ABCDEF01234567", repositories: "test" },
});

export const refuseUserKey = defineOperation({
  name: "refuse_user_key",
  summary: "Do not let a key sign uploads, or no longer",
  access: "admin",
  changesState: true,
  parameters: { fingerprint: requiredText("fingerprint of the key", { positional: true }) },
  result: keyView,
  example: { fingerprint: "0123456789ABCDEF0123456789ABCDEF01234567" },
});

const uploaderView = z.object({
  /** The last 16 digits of the fingerprint. */
  key: z.string(),
  /** Seconds since the epoch, as gpg shows it; empty: never. */
  created: z.string(),
  expires: z.string(),
  fingerprints: z.array(z.string()),
  subkeys: z.array(z.string()),
  user: z.string(),
});

export const uploaders = defineOperation({
  name: "uploaders",
  summary: "Show whose signatures count for uploads, per repository",
  access: "admin",
  parameters: { repositories: list("Only these repositories", { short: "R" }) },
  result: z.record(z.string(), z.object({ allow_unauthenticated_uploads: z.boolean(), uploaders: z.array(uploaderView) })),
  example: { repositories: "test" },
});

/** In the order that help shows them. */
export const uploaderKeyOperations: readonly Operation[] = [
  setUserKey,
  userKeys,
  removeUserKey,
  uploaders,
  uploaderKeys,
  approveUserKey,
  refuseUserKey,
];
