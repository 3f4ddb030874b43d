import type { Kysely } from "kysely";
import type { Schema, Transaction } from "../database/index.ts";
import { AppError } from "../runtime/index.ts";

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
  const installed = await findIdentity(tx, repositoryId, claimed);
  if (installed === claimed.sha256) return;
  if (installed !== undefined) throw identityConflict(repositoryId, claimed, installed);

  const { kind, name, version, architecture, sha256 } = claimed;
  await tx
    .insertInto("installed_identities")
    .values({ repository_id: repositoryId, kind, name, version, architecture, sha256, installed_at: tx.now().toISOString() })
    .execute();
}

function identityConflict(repositoryId: string, claimed: ClaimedIdentity, installedSha256: string): AppError {
  const what = [claimed.name, claimed.version, claimed.architecture].filter((part) => part !== "").join(" ");
  return new AppError({
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
