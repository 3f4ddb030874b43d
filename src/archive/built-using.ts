import type { Kysely } from "kysely";
import type { Schema, Transaction } from "../database/index.ts";
import { fieldValue, parseDeb822Stanzas } from "../formats/index.ts";
import type { DistributionSettings } from "./distribution-settings.ts";

/**
 * Sources that binary packages contain parts of (Built-Using, Static-Built-Using). While such a binary package is in a
 * distribution, so is the source: as an *extra source*, which Sources shows with `Extra-Source-Only: yes`, and which
 * nothing else knows: it does not migrate, and is nobody's newest version. A source that is there anyway needs none.
 * Only sources of the same repository: others are in the archives they came from.
 */

export interface BuiltUsing {
  readonly name: string;
  readonly version: string;
}

/** Of the stanza of a binary package in Packages. */
export function builtUsingOf(stanza: string): BuiltUsing[] {
  if (!stanza.includes("Built-Using:")) return [];
  return parseDeb822Stanzas(stanza).flatMap((parsed) =>
    ["Built-Using", "Static-Built-Using"].flatMap((field) =>
      [...(fieldValue(parsed, field) ?? "").matchAll(/([a-z0-9][a-z0-9.+-]*)\s*\(\s*=\s*([^\s)]+)\s*\)/g)].map(
        ([, name = "", version = ""]) => ({ name, version }),
      ),
    ),
  );
}

/** Keep what new binary packages say. */
export async function saveBuiltUsing(
  tx: Transaction,
  binaries: readonly { readonly id: number; readonly stanza: string }[],
): Promise<void> {
  const rows = binaries.flatMap(({ id, stanza }) =>
    builtUsingOf(stanza).map(({ name, version }) => ({ binary_package_id: id, source: name, version })),
  );
  if (rows.length === 0) return;
  await tx
    .insertInto("built_using")
    .values(rows)
    .onConflict((conflict) => conflict.columns(["binary_package_id", "source", "version"]).doNothing())
    .execute();
}

/** Extra sources come and go with a change of a distribution. Returns how many came, each with the next sequence number. */
export async function followBuiltUsing(
  tx: Transaction,
  settings: DistributionSettings,
  { change, nextSequence }: { readonly change: number; readonly nextSequence: number },
): Promise<number> {
  if ((await tx.selectFrom("built_using").select("source").limit(1).executeTakeFirst()) === undefined) return 0;

  const wanted = new Set(await wantedSources(tx, settings));
  const shown = await tx
    .selectFrom("extra_sources")
    .select(["id", "source_package_id as packageId"])
    .where("distribution", "=", settings.name)
    .where("valid_to", "is", null)
    .execute();
  for (const { id, packageId } of shown) {
    if (!wanted.delete(packageId)) await tx.updateTable("extra_sources").set({ valid_to: change }).where("id", "=", id).execute();
  }
  const coming = [...wanted].map((id, index) => ({
    distribution: settings.name,
    source_package_id: id,
    sequence: nextSequence + index,
    valid_from: change,
    valid_to: null,
  }));
  if (coming.length > 0) await tx.insertInto("extra_sources").values(coming).execute();
  return coming.length;
}

/** What its binary packages were built using and the distribution does not have itself. */
async function wantedSources(db: Kysely<Schema>, { name, repositoryId }: DistributionSettings): Promise<number[]> {
  const rows = await db
    .selectFrom("built_using as used")
    // Not innerJoin: SQLite would begin with all that the distribution holds.
    .crossJoin("binary_memberships as users")
    .innerJoin("source_packages as sources", (join) =>
      join.onRef("sources.name", "=", "used.source").onRef("sources.version", "=", "used.version"),
    )
    .select("sources.id")
    .distinct()
    .whereRef("users.binary_package_id", "=", "used.binary_package_id")
    .where("users.distribution", "=", name)
    .where("users.valid_to", "is", null)
    .where("sources.repository_id", "=", repositoryId)
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom("source_memberships as members")
            .select("members.id")
            .whereRef("members.source_package_id", "=", "sources.id")
            .where("members.distribution", "=", name)
            .where("members.valid_to", "is", null),
        ),
      ),
    )
    .orderBy("sources.id")
    .execute();
  return rows.map(({ id }) => id);
}
