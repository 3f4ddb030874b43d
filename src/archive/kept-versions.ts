import { sql } from "kysely";
import type { Transaction } from "../database/index.ts";
import { compareVersions, type Version } from "../formats/index.ts";
import type { DistributionSettings } from "./distribution-settings.ts";
import { closeMemberships, membersBySourceVersion } from "./membership.ts";
import { portions } from "./portions.ts";

/** An upload is of one; more than this is an import of binary packages. */
const FEW_SOURCES = 8;

/** Of each source package keep the newest version and `keep` older ones; the others leave the distribution, with their binaries. */
export async function closeOldVersions(
  tx: Transaction,
  settings: DistributionSettings,
  sources: Iterable<string>,
  change: number,
): Promise<void> {
  for (const some of portions([...sources])) {
    for (const source of await sourcesWithManyVersions(tx, settings, some))
      await closeOldVersionsOf(tx, settings, source, change);
  }
}

/** In an import most have no more than are kept: one look at all of them. */
async function sourcesWithManyVersions(
  tx: Transaction,
  settings: DistributionSettings,
  sources: readonly string[],
): Promise<string[]> {
  if (sources.length <= FEW_SOURCES) return [...sources];

  const rows = await tx
    .selectFrom("binary_packages as packages")
    // Not innerJoin: SQLite would begin with all that the distribution holds.
    .crossJoin("binary_memberships as members")
    .select("packages.source")
    .where("packages.repository_id", "=", settings.repositoryId)
    .where("packages.source", "in", sources)
    .whereRef("members.binary_package_id", "=", "packages.id")
    .where("members.distribution", "=", settings.name)
    .where("members.valid_to", "is", null)
    .groupBy("packages.source")
    .having(sql<number>`count(distinct packages.source_version)`, ">", settings.keep + 1)
    .execute();
  return rows.map(({ source }) => source);
}

async function closeOldVersionsOf(
  tx: Transaction,
  settings: DistributionSettings,
  source: string,
  change: number,
): Promise<void> {
  const members = await membersBySourceVersion(tx, settings, source);
  const newestFirst = [...members.keys()].sort((a, b) => compareVersions(b as Version, a as Version));
  for (const version of newestFirst.slice(settings.keep + 1)) {
    const old = members.get(version);
    if (old !== undefined) await closeMemberships(tx, old, change);
  }
}
