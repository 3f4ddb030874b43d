import { uploaderKeysOf } from "../accounts/index.ts";
import type { Catalog } from "../catalog/index.ts";
import type { Database } from "../database/index.ts";
import { type KeyringEntry, listKeyring } from "../keyring/index.ts";
import type { ResultOf, uploaders } from "../operations/index.ts";

type Uploaders = ResultOf<typeof uploaders>;

/** Whose signatures count for uploads: the owners of keys in a repository's keyrings, and users with an approved key. */
export async function listUploaders(
  parts: { readonly db: Database["read"]; readonly catalog: Catalog },
  chosen: readonly string[] | undefined,
): Promise<Uploaders> {
  const result: Uploaders = {};
  const repositories = Map.groupBy(parts.catalog.listDistributions(), (target) => target.repositoryId);
  for (const [id, [target]] of repositories) {
    if (target === undefined || (chosen !== undefined && !chosen.includes(id))) continue;

    const keyrings = [...target.uploaderKeyringPaths, ...(await uploaderKeysOf(parts.db, id))];
    const entries = await listKeyring(keyrings);
    result[id] = { allow_unauthenticated_uploads: target.takesUnsigned, uploaders: entries.map(uploaderView) };
  }
  return result;
}

/** As the original shows it. */
function uploaderView(entry: KeyringEntry): Uploaders[string]["uploaders"][number] {
  return {
    key: entry.fingerprint.slice(-16),
    created: secondsText(entry.createdAt),
    expires: entry.expiresAt === undefined ? "" : secondsText(entry.expiresAt),
    fingerprints: [entry.fingerprint],
    subkeys: [...entry.subkeyFingerprints],
    user: entry.userId,
  };
}

function secondsText(time: Date): string {
  return String(Math.floor(time.getTime() / 1000));
}
