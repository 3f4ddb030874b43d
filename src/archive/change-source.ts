import type { Transaction } from "../database/index.ts";
import { commitChange, type StoredDistribution } from "./distributions.ts";
import { closeOldVersions } from "./kept-versions.ts";
import {
  closeMemberships,
  membersBySourceVersion,
  openMemberships,
  type PackageIds,
  type SourceVersionMembers,
} from "./membership.ts";
import { updateRollbackViews } from "./rollback-views.ts";

/** What becomes of a source package, with its binary packages, in a distribution. */
export interface SourceChange {
  readonly source: string;
  /** Versions that leave; those that are not there are ignored. */
  readonly leaving: readonly string[];
  /** Packages that enter; those that are there stay. */
  readonly entering: PackageIds;
  /** The version that enters, whole: binary packages of it that are there and do not enter (older binNMUs) leave. */
  readonly wholeVersion?: string | undefined;
}

export const NO_PACKAGES: PackageIds = { sourcePackageIds: [], binaryPackageIds: [] };

/**
 * One change of a distribution, in the caller's transaction: what leaves, what enters, what that pushes out of the kept
 * versions, its rollback views, and the publications. Returns the number of the change.
 */
export async function changeSource(tx: Transaction, distribution: StoredDistribution, wanted: SourceChange): Promise<number> {
  const { settings } = distribution;
  const change = distribution.change + 1;
  const members = await membersBySourceVersion(tx, settings, wanted.source);
  for (const version of wanted.leaving) {
    const leaving = members.get(version);
    if (leaving !== undefined) await closeMemberships(tx, leaving, change);
  }
  const same = wanted.wholeVersion === undefined ? undefined : members.get(wanted.wholeVersion);
  if (same !== undefined) await closeMemberships(tx, supersededBinaries(same, wanted.entering), change);
  const opened = await openMemberships(tx, { ...distribution, change }, wanted.entering);
  await closeOldVersions(tx, settings, [wanted.source], change);
  await commitChange(tx, settings, { change, nextSequence: distribution.nextSequence + opened });
  await updateRollbackViews(tx, settings, [wanted.source]);
  return change;
}

function supersededBinaries(
  there: SourceVersionMembers,
  { binaryPackageIds }: PackageIds,
): Pick<SourceVersionMembers, "sourceMembershipIds" | "binaryMembershipIds"> {
  const stays = (index: number): boolean => binaryPackageIds.includes(there.binaryPackageIds[index] ?? -1);
  return { sourceMembershipIds: [], binaryMembershipIds: there.binaryMembershipIds.filter((_, index) => !stays(index)) };
}
