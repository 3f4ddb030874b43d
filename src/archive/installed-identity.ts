import type { Kysely } from "kysely";
import { insertNewRows, type Schema, type Transaction } from "../database/index.ts";
import { AppError } from "../runtime/index.ts";
import { portions } from "./portions.ts";

/** What must never come back with other content, per repository. */
export interface Identity {
  readonly kind: "source" | "deb" | "udeb" | "file";
  /** Of the package; for kind file the file's name. */
  readonly name: string;
  /** Empty for kind file. */
  readonly version: string;
  /** Empty for kinds source and file. */
  readonly architecture: string;
}

export interface ClaimedIdentity extends Identity {
  /** Of the .dsc, of the .deb, of the file. */
  readonly sha256: string;
}

/** The content under which an identity was installed first, also if it was removed since. */
export async function findIdentity(db: Kysely<Schema>, repositoryId: string, identity: Identity): Promise<string | undefined> {
  const row = await db
    .selectFrom("installed_identities")
    .select("sha256")
    .where("repository_id", "=", repositoryId)
    .where("kind", "=", identity.kind)
    .where("name", "=", identity.name)
    .where("version", "=", identity.version)
    .where("architecture", "=", identity.architecture)
    .executeTakeFirst();
  return row?.sha256;
}

/** Record an identity for ever; the same content again has no effect. Throws `conflict` IDENTITY_CONFLICT. */
export async function claimIdentity(tx: Transaction, repositoryId: string, claimed: ClaimedIdentity): Promise<void> {
  await claimIdentities(tx, repositoryId, [claimed]);
}

/** Many at once, with few statements. Returns how many are new. */
export async function claimIdentities(
  tx: Transaction,
  repositoryId: string,
  claimed: readonly ClaimedIdentity[],
): Promise<number> {
  let newCount = 0;
  for (const some of portions(claimed)) {
    const identities = new Map<string, ClaimedIdentity>();
    for (const identity of some) {
      checkContent(repositoryId, identity, identities.get(identityKey(identity))?.sha256);
      identities.set(identityKey(identity), identity);
    }
    const insertedCount = await insertIdentities(tx, repositoryId, [...identities.values()]);
    newCount += insertedCount;
    if (insertedCount === identities.size) continue;

    const contents = await findContents(tx, repositoryId, some);
    for (const identity of some) checkContent(repositoryId, identity, contents.get(identityKey(identity)));
  }
  return newCount;
}

async function findContents(
  tx: Transaction,
  repositoryId: string,
  identities: readonly Identity[],
): Promise<Map<string, string>> {
  const kinds = [...new Set(identities.map(({ kind }) => kind))];
  const names = [...new Set(identities.map(({ name }) => name))];
  const rows = await tx
    .selectFrom("installed_identities")
    .select(["kind", "name", "version", "architecture", "sha256"])
    .where("repository_id", "=", repositoryId)
    .where("kind", "in", kinds)
    .where("name", "in", names)
    .execute();
  return new Map(rows.map((row) => [identityKey(row), row.sha256]));
}

/** Returns how many were not there. */
async function insertIdentities(tx: Transaction, repositoryId: string, claimed: readonly ClaimedIdentity[]): Promise<number> {
  const fixed = { repository_id: repositoryId, installed_at: tx.now().toISOString() };
  const rows = claimed.map(({ kind, name, version, architecture, sha256 }) => ({
    ...fixed,
    kind,
    name,
    version,
    architecture,
    sha256,
  }));
  return insertNewRows(tx, "installed_identities", rows);
}

/** No part of an identity has a blank. */
function identityKey({ kind, name, version, architecture }: { readonly kind: string } & Omit<Identity, "kind">): string {
  return `${kind} ${name} ${version} ${architecture}`;
}

function checkContent(repositoryId: string, claimed: ClaimedIdentity, installedSha256: string | undefined): void {
  if (installedSha256 === undefined || installedSha256 === claimed.sha256) return;

  const what = [claimed.name, claimed.version, claimed.architecture].filter((part) => part !== "").join(" ");
  throw new AppError({
    kind: "conflict",
    code: "IDENTITY_CONFLICT",
    message: `${what} was installed in repository ${repositoryId} with other content: SHA256 ${installedSha256} then, ${claimed.sha256} now`,
    hint:
      claimed.kind === "file"
        ? "Use the file that is in the repository's pool, or a new upstream version"
        : "Use a new version: a name and version stand for one content, for ever",
    facts: { repositoryId, ...claimed, installedSha256 },
  });
}
