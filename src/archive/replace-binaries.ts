import type { Transaction } from "../database/index.ts";
import { compareVersions, type Version } from "../formats/index.ts";
import { AppError } from "../runtime/index.ts";
import { commitChange } from "./distributions.ts";
import type { ImportedBinary } from "./import-package.ts";
import type { InstallBuildinfo, InstallResult } from "./install.ts";
import { closeMemberships, membersBySourceVersion, openMemberships } from "./membership.ts";
import { addBinaryPackages, addBuildinfo } from "./package-rows.ts";
import { notThere } from "./remove.ts";
import { updateRollbackViews } from "./rollback-views.ts";
import { loadWritableDistribution } from "./writable-distribution.ts";

export interface ReplaceRequest {
  readonly distribution: string;
  readonly source: string;
  /** Must be in the distribution. */
  readonly sourceVersion: string;
  /** Imported, of that version and for real architectures; with them those of the same architectures leave. */
  readonly binaries: readonly ImportedBinary[];
  readonly buildinfos: readonly InstallBuildinfo[];
}

interface ThereBinary {
  readonly membershipId: number;
  readonly packageId: number;
  readonly kind: string;
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

/**
 * A binNMU: put binary packages in the place of those that a source package has in a distribution for the same
 * architectures, in the caller's transaction, and have it published. The source package and its binary packages for other
 * architectures stay. The same request again has no effect.
 *
 * Throws `not-found` DISTRIBUTION_UNKNOWN, PACKAGE_NOT_THERE; `conflict` DISTRIBUTION_READ_ONLY, IDENTITY_CONFLICT,
 * REBUILD_NOT_HIGHER; `invalid` COMPONENT_UNKNOWN, ARCHITECTURE_UNKNOWN.
 */
export async function replaceBinaries(tx: Transaction, request: ReplaceRequest): Promise<InstallResult> {
  const { source, sourceVersion } = request;
  const distribution = await loadWritableDistribution(tx, request.distribution);
  const { settings } = distribution;
  const members = (await membersBySourceVersion(tx, settings, source)).get(sourceVersion);
  if (members === undefined || members.sourcePackageIds.length === 0) throw notThere({ ...request, version: sourceVersion });

  const there = await binariesThere(tx, members);
  for (const binary of request.binaries) requireHigher(binary, there);
  const binaryPackageIds = await addBinaryPackages(tx, settings, request.binaries);
  for (const buildinfo of request.buildinfos) await addBuildinfo(tx, settings, buildinfo);

  const change = distribution.change + 1;
  const ids = { sourcePackageIds: [], binaryPackageIds };
  const opened = await openMemberships(tx, { ...distribution, change }, ids);
  if (opened === 0) return { isChanged: false, change: distribution.change };

  const architectures = new Set(request.binaries.map(({ architecture }) => architecture));
  const replaced = there.filter((old) => architectures.has(old.architecture) && !binaryPackageIds.includes(old.packageId));
  const leaving = { sourceMembershipIds: [], binaryMembershipIds: replaced.map(({ membershipId }) => membershipId) };
  await closeMemberships(tx, leaving, change);
  await commitChange(tx, settings, { change, nextSequence: distribution.nextSequence + opened });
  await updateRollbackViews(tx, settings, [source]);
  return { isChanged: true, change };
}

async function binariesThere(
  tx: Transaction,
  members: { readonly binaryMembershipIds: readonly number[] },
): Promise<ThereBinary[]> {
  if (members.binaryMembershipIds.length === 0) return [];
  return tx
    .selectFrom("binary_memberships as members")
    .innerJoin("binary_packages as packages", "packages.id", "members.binary_package_id")
    .select([
      "members.id as membershipId",
      "packages.id as packageId",
      "packages.kind",
      "packages.name",
      "packages.version",
      "packages.architecture",
    ])
    .where("members.id", "in", members.binaryMembershipIds)
    .execute();
}

/** What is not higher than what machines have would never be installed by apt. */
function requireHigher({ kind, name, version, architecture }: ImportedBinary, there: readonly ThereBinary[]): void {
  const same = there.filter((old) => old.kind === kind && old.name === name && old.architecture === architecture);
  const higher = same.find((old) => compareVersions(old.version as Version, version) > 0);
  if (higher === undefined) return;

  throw new AppError({
    kind: "conflict",
    code: "REBUILD_NOT_HIGHER",
    message: `${name} ${version} (${architecture}) is lower than ${higher.version}, which is there`,
    hint: "Rebuild it again: it gets the next number",
    facts: { name, version, architecture, there: higher.version },
  });
}
