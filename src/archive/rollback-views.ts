import type { Kysely } from "kysely";
import type { Schema, Transaction } from "../database/index.ts";
import { compareVersions, type Version } from "../formats/index.ts";
import type { DistributionSettings } from "./distribution-settings.ts";
import { commitChange, loadDistribution } from "./distributions.ts";
import { closeMemberships, membersBySourceVersion, openMemberships, type PackageIds } from "./membership.ts";

/**
 * The original's `…-rollbackN` distributions: N = 0 shows, of each source package, the version before the newest, N = 1
 * the one before that. They are views of what the distribution keeps: made here, in the transaction that changes it,
 * and never written to by anybody else. apt reads them like any other distribution.
 */
export function rollbackViewSettings(settings: DistributionSettings): DistributionSettings[] {
  return Array.from({ length: settings.rollbackViews ?? 0 }, (_, rank) => ({
    ...settings,
    name: rollbackViewName(settings.name, rank),
    label: undefined,
    description: undefined,
    snapshotsUri: undefined,
    migratesTo: undefined,
    rollbackViews: undefined,
    rollbackOf: { distribution: settings.name, rank },
    // What was replaced for a reason comes back only by hand.
    notAutomatic: true,
    butAutomaticUpgrades: false,
    keep: 0,
  }));
}

export function rollbackViewName(distribution: string, rank: number): string {
  return `${distribution}-rollback${rank}`;
}

/** Make the views of a distribution show what it keeps now of these source packages. */
export async function updateRollbackViews(
  tx: Transaction,
  settings: DistributionSettings,
  sources: Iterable<string>,
): Promise<void> {
  const views = settings.rollbackViews ?? 0;
  if (views === 0) return;

  const wanted = Array.from({ length: views }, () => new Map<string, PackageIds | undefined>());
  for (const source of sources) {
    const members = await membersBySourceVersion(tx, settings, source);
    const [, ...older] = [...members.keys()].sort((a, b) => compareVersions(b as Version, a as Version));
    for (const [rank, ids] of wanted.entries()) ids.set(source, members.get(older[rank] ?? ""));
  }
  for (const [rank, contents] of wanted.entries()) await showInView(tx, rollbackViewName(settings.name, rank), contents);
}

async function showInView(tx: Transaction, name: string, wanted: ReadonlyMap<string, PackageIds | undefined>): Promise<void> {
  const view = await loadDistribution(tx, name);
  const change = view.change + 1;
  let nextSequence = view.nextSequence;
  let isChanged = false;
  for (const [source, ids] of wanted) {
    const shown = await membersBySourceVersion(tx, view.settings, source);
    for (const members of shown.values()) {
      const surplus = {
        sourceMembershipIds: members.sourceMembershipIds.filter(
          (_, index) => !ids?.sourcePackageIds.includes(members.sourcePackageIds[index] ?? -1),
        ),
        binaryMembershipIds: members.binaryMembershipIds.filter(
          (_, index) => !ids?.binaryPackageIds.includes(members.binaryPackageIds[index] ?? -1),
        ),
      };
      isChanged ||= surplus.sourceMembershipIds.length + surplus.binaryMembershipIds.length > 0;
      await closeMemberships(tx, surplus, change);
    }
    if (ids === undefined) continue;
    const opened = await openMemberships(tx, { ...view, change, nextSequence }, ids);
    nextSequence += opened;
    isChanged ||= opened > 0;
  }
  if (isChanged) await commitChange(tx, view.settings, { change, nextSequence });
}

/** Everything that is kept now, after a change of settings; views that are no longer wanted show nothing. */
export async function fillRollbackViews(tx: Transaction, settings: DistributionSettings): Promise<void> {
  if ((settings.rollbackViews ?? 0) > 0) await updateRollbackViews(tx, settings, await sourcesWithKeptVersions(tx, settings));
  for (let rank = settings.rollbackViews ?? 0; ; rank += 1) {
    const isThere = await emptyView(tx, rollbackViewName(settings.name, rank));
    if (!isThere) return;
  }
}

async function emptyView(tx: Transaction, name: string): Promise<boolean> {
  const row = await tx.selectFrom("distributions").select("change").where("name", "=", name).executeTakeFirst();
  if (row === undefined) return false;

  const view = await loadDistribution(tx, name);
  const change = view.change + 1;
  let closedCount = 0n;
  for (const table of ["source_memberships", "binary_memberships"] as const) {
    const { numUpdatedRows } = await tx
      .updateTable(table)
      .set({ valid_to: change })
      .where("distribution", "=", name)
      .where("valid_to", "is", null)
      .executeTakeFirstOrThrow();
    closedCount += numUpdatedRows;
  }
  if (closedCount > 0n) await commitChange(tx, view.settings, { change, nextSequence: view.nextSequence });
  return true;
}

async function sourcesWithKeptVersions(db: Kysely<Schema>, settings: DistributionSettings): Promise<string[]> {
  const rows = await db
    .selectFrom("source_memberships as members")
    .innerJoin("source_packages as packages", "packages.id", "members.source_package_id")
    .select("packages.name")
    .where("members.distribution", "=", settings.name)
    .where("members.valid_to", "is", null)
    .groupBy("packages.name")
    .having((expression) => expression.fn.countAll(), ">", 1)
    .execute();
  return rows.map(({ name }) => name);
}
