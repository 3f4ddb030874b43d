import type { Kysely } from "kysely";
import { insertNewRows, type Schema, type Transaction } from "../database/index.ts";
import type { DistributionSettings } from "./distribution-settings.ts";
import type { StoredDistribution } from "./distributions.ts";
import { portions } from "./portions.ts";

export interface PackageIds {
  readonly sourcePackageIds: readonly number[];
  readonly binaryPackageIds: readonly number[];
}

/** Put packages that are not in a distribution into it, from its change on. Returns how many were not. */
export async function openMemberships(tx: Transaction, distribution: StoredDistribution, ids: PackageIds): Promise<number> {
  const { name } = distribution.settings;
  const membership = { distribution: name, valid_from: distribution.change, valid_to: null };
  let sequence = distribution.nextSequence;
  for (const some of portions(ids.sourcePackageIds)) {
    const open = await tx
      .selectFrom("source_memberships")
      .select("source_package_id as packageId")
      .where("distribution", "=", name)
      .where("source_package_id", "in", some)
      .where("valid_to", "is", null)
      .execute();
    const entering = idsWithout(some, open);
    if (entering.length === 0) continue;
    const rows = entering.map((id) => ({ ...membership, source_package_id: id, sequence: sequence++ }));
    await insertNewRows(tx, "source_memberships", rows);
  }
  for (const some of portions(ids.binaryPackageIds)) {
    const open = await tx
      .selectFrom("binary_memberships")
      .select("binary_package_id as packageId")
      .where("distribution", "=", name)
      .where("binary_package_id", "in", some)
      .where("valid_to", "is", null)
      .execute();
    const entering = idsWithout(some, open);
    if (entering.length === 0) continue;
    const rows = entering.map((id) => ({ ...membership, binary_package_id: id, sequence: sequence++ }));
    await insertNewRows(tx, "binary_memberships", rows);
  }
  return sequence - distribution.nextSequence;
}

function idsWithout(ids: readonly number[], open: readonly { readonly packageId: number }[]): number[] {
  const there = new Set(open.map(({ packageId }) => packageId));
  return [...new Set(ids)].filter((id) => !there.has(id));
}

/** Packages in a distribution, by source version. */
export interface SourceVersionMembers {
  readonly sourceMembershipIds: number[];
  readonly binaryMembershipIds: number[];
  readonly sourcePackageIds: number[];
  readonly binaryPackageIds: number[];
}

/** What a distribution holds of a source package now: version → memberships of the source and of its binary packages. */
export async function membersBySourceVersion(
  db: Kysely<Schema>,
  { name: distribution, repositoryId }: DistributionSettings,
  source: string,
): Promise<Map<string, SourceVersionMembers>> {
  const sources = await db
    .selectFrom("source_memberships as members")
    .innerJoin("source_packages as packages", "packages.id", "members.source_package_id")
    .select(["members.id", "members.source_package_id as packageId", "packages.version"])
    .where("members.distribution", "=", distribution)
    .where("members.valid_to", "is", null)
    .where("packages.repository_id", "=", repositoryId)
    .where("packages.name", "=", source)
    .execute();
  const binaries = await db
    .selectFrom("binary_memberships as members")
    .innerJoin("binary_packages as packages", "packages.id", "members.binary_package_id")
    .select(["members.id", "members.binary_package_id as packageId", "packages.source_version as version"])
    .where("members.distribution", "=", distribution)
    .where("members.valid_to", "is", null)
    .where("packages.repository_id", "=", repositoryId)
    .where("packages.source", "=", source)
    .execute();

  const versions = new Map<string, SourceVersionMembers>();
  const membersOf = (version: string): SourceVersionMembers => {
    const members = versions.get(version) ?? noMembers();
    versions.set(version, members);
    return members;
  };
  for (const { id, packageId, version } of sources) {
    membersOf(version).sourceMembershipIds.push(id);
    membersOf(version).sourcePackageIds.push(packageId);
  }
  for (const { id, packageId, version } of binaries) {
    membersOf(version).binaryMembershipIds.push(id);
    membersOf(version).binaryPackageIds.push(packageId);
  }
  return versions;
}

function noMembers(): SourceVersionMembers {
  return { sourceMembershipIds: [], binaryMembershipIds: [], sourcePackageIds: [], binaryPackageIds: [] };
}

/** Take members out of their distribution, from a change on. */
export async function closeMemberships(
  tx: Transaction,
  members: Pick<SourceVersionMembers, "sourceMembershipIds" | "binaryMembershipIds">,
  change: number,
): Promise<void> {
  for (const id of members.sourceMembershipIds) {
    await tx.updateTable("source_memberships").set({ valid_to: change }).where("id", "=", id).execute();
  }
  for (const id of members.binaryMembershipIds) {
    await tx.updateTable("binary_memberships").set({ valid_to: change }).where("id", "=", id).execute();
  }
}
