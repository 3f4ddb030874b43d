import type { Kysely } from "kysely";
import type { Schema, Transaction } from "../database/index.ts";
import { compareVersions, type Version } from "../formats/index.ts";
import { changeSource, NO_PACKAGES } from "./change-source.ts";
import type { DistributionSettings } from "./distribution-settings.ts";
import { loadDistribution } from "./distributions.ts";

/** A kept older version whose time in a distribution is over. */
export interface LeavingVersion {
  readonly distribution: string;
  readonly source: string;
  readonly version: string;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** Older versions that are more than the suite keeps, or were superseded longer ago than it keeps them. Never the newest. */
export async function findLeavingVersions(
  db: Kysely<Schema>,
  settings: DistributionSettings,
  now: Date,
): Promise<LeavingVersion[]> {
  if (settings.rollbackOf !== undefined) return [];
  const rows = await db
    .selectFrom("source_memberships as members")
    .innerJoin("source_packages as packages", "packages.id", "members.source_package_id")
    .select(["packages.name", "packages.version", "members.valid_from"])
    .where("members.distribution", "=", settings.name)
    .where("members.valid_to", "is", null)
    .where("packages.name", "in", (query) =>
      query
        .selectFrom("source_memberships as many")
        .innerJoin("source_packages as named", "named.id", "many.source_package_id")
        .select("named.name")
        .where("many.distribution", "=", settings.name)
        .where("many.valid_to", "is", null)
        .groupBy("named.name")
        .having((having) => having.fn.countAll(), ">", 1),
    )
    .execute();

  const supersededBefore = await lastChangeBefore(db, settings, now);
  const leaving: LeavingVersion[] = [];
  for (const [source, versions] of Map.groupBy(rows, ({ name }) => name)) {
    const newestFirst = versions.sort((a, b) => compareVersions(b.version as Version, a.version as Version));
    for (const [rank, { version }] of newestFirst.entries()) {
      const next = newestFirst[rank - 1];
      const isTooOld = next !== undefined && next.valid_from <= supersededBefore;
      if (rank > settings.keep || isTooOld) leaving.push({ distribution: settings.name, source, version });
    }
  }
  return leaving;
}

/** One change of the distribution for each source package. */
export async function removeLeavingVersions(tx: Transaction, leaving: readonly LeavingVersion[]): Promise<void> {
  for (const versions of Map.groupBy(leaving, ({ source }) => source).values()) {
    const [first] = versions;
    if (first === undefined) continue;
    const distribution = await loadDistribution(tx, first.distribution);
    const names = versions.map(({ version }) => version);
    await changeSource(tx, distribution, { source: first.source, leaving: names, entering: NO_PACKAGES });
  }
}

/** The change that readers saw so many days ago; what came with it or earlier superseded the older versions by then. */
async function lastChangeBefore(db: Kysely<Schema>, { name, keepDays }: DistributionSettings, now: Date): Promise<number> {
  if (keepDays === undefined) return -1;
  const row = await db
    .selectFrom("publications")
    .select("change")
    .where("distribution", "=", name)
    .where("state", "=", "published")
    .where("published_at", "<=", new Date(now.getTime() - keepDays * DAY_MS).toISOString())
    .orderBy("generation", "desc")
    .limit(1)
    .executeTakeFirst();
  return row?.change ?? -1;
}
