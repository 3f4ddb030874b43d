import { z } from "zod";
import { defineOperation, type Operation } from "./operation.ts";
import { requiredText } from "./parameter.ts";

const keyView = z.object({
  /** "SHA256:…", as ssh-keygen -l shows it. */
  fingerprint: z.string(),
  type: z.string(),
  comment: z.string(),
  set_at: z.string(),
  last_used_at: z.string().nullable(),
});
export type SshKeyView = z.infer<typeof keyView>;

export const setSshKey = defineOperation({
  name: "set_ssh_key",
  summary: "Set a public SSH key that you upload with over SFTP",
  access: "login",
  changesState: true,
  parameters: { key: requiredText("line of a .pub file", { positional: true }) },
  result: keyView,
  example: { key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILhrs4Wv4nG0tCkz6tGkZ1nqJ0R3m1eN0c2Jv9ZC0VVT ann@laptop" },
});

export const sshKeys = defineOperation({
  name: "ssh_keys",
  summary: "Show your SSH keys, and when each was used",
  access: "login",
  parameters: {},
  result: z.object({ keys: z.array(keyView) }),
});

export const removeSshKey = defineOperation({
  name: "remove_ssh_key",
  summary: "Take one of your SSH keys away",
  access: "login",
  changesState: true,
  parameters: { fingerprint: requiredText("fingerprint of the key", { positional: true }) },
  result: z.object({}),
  example: { fingerprint: "SHA256:0123456789abcdefghijklmnopqrstuvwxyzABCDEFG" },
});

/** In the order that help shows them. */
export const sshKeyOperations: readonly Operation[] = [setSshKey, sshKeys, removeSshKey];
