import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runChecked } from "../runtime/index.ts";
import { type ListedKey, parseListing } from "./key-listing.ts";
import type { PublicKeys } from "./verify-clearsigned.ts";

export interface KeyringEntry {
  /** Of the primary key, upper-case hex. */
  readonly fingerprint: string;
  readonly userId: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | undefined;
  readonly subkeyFingerprints: readonly string[];
}

const LIST_TIMEOUT_MS = 60_000;
/** A distributor's keyring has a thousand keys with many signatures. */
const LISTING_BYTES_MAX = 64 * 1024 ** 2;

/** What is in keyring files or armored texts, each key once. */
export async function listKeyring(keyrings: readonly (string | PublicKeys)[]): Promise<KeyringEntry[]> {
  const scratchPath = await mkdtemp(join(tmpdir(), "mini-buildd-keys-"));
  try {
    const found = new Map<string, KeyringEntry>();
    for (const keyring of keyrings) {
      for (const key of await listOne(scratchPath, keyring)) found.set(key.fingerprint, entryOf(key));
    }
    return [...found.values()];
  } finally {
    await rm(scratchPath, { recursive: true, force: true });
  }
}

async function listOne(scratchPath: string, keyring: string | PublicKeys): Promise<ListedKey[]> {
  const path = typeof keyring === "string" ? keyring : join(scratchPath, "keys.asc");
  if (typeof keyring !== "string") await writeFile(path, keyring.armored);
  const listed = await runChecked({
    argv: [
      "gpg",
      `--homedir=${scratchPath}`,
      "--batch",
      "--no-tty",
      "--no-options",
      "--no-autostart",
      "--with-colons",
      "--show-keys",
      path,
    ],
    timeoutMs: LIST_TIMEOUT_MS,
    outputBytesMax: LISTING_BYTES_MAX,
  });
  return parseListing(listed.stdout.toString("utf8"));
}

function entryOf(key: ListedKey): KeyringEntry {
  return {
    fingerprint: key.fingerprint,
    userId: key.userId,
    createdAt: key.createdAt,
    expiresAt: key.expiresAt,
    subkeyFingerprints: key.subkeys.map(({ fingerprint }) => fingerprint),
  };
}
