import type { Transaction } from "../database/index.ts";
import { compareVersions, type Version } from "../formats/index.ts";
import { AppError } from "../runtime/index.ts";
import { changeSource } from "./change-source.ts";
import { membersBySourceVersion, type PackageIds } from "./membership.ts";
import { recordMovement } from "./movement-event.ts";
import { notThere } from "./remove.ts";
import { loadWritableDistribution } from "./writable-distribution.ts";

export interface RestoreRequest {
  readonly distribution: string;
  readonly source: string;
  readonly version: string;
  /** Who asked for it, for the record. */
  readonly by?: string | undefined;
}

export interface RestoreResult {
  readonly change: number;
  /** Newer versions, which left. */
  readonly left: readonly string[];
}

/**
 * Make an older version the newest again: the newer ones leave. The version is kept there still, or was there once
 * and its packages still are in the pool. Machines that have a newer one keep it: apt does not downgrade by itself.
 * Throws `not-found` DISTRIBUTION_UNKNOWN, PACKAGE_NOT_THERE; `conflict` DISTRIBUTION_READ_ONLY, VERSION_IS_NEWEST.
 */
export async function restoreSourceVersion(tx: Transaction, request: RestoreRequest): Promise<RestoreResult> {
  const { source, version, by } = request;
  const distribution = await loadWritableDistribution(tx, request.distribution);
  const members = await membersBySourceVersion(tx, distribution.settings, source);
  const left = [...members.keys()]
    .filter((candidate) => compareVersions(candidate as Version, version as Version) > 0)
    .sort((a, b) => compareVersions(b as Version, a as Version));
  const isThere = members.has(version);
  if (isThere && left.length === 0) throw isNewest(request);

  const entering = members.get(version) ?? (await lastPackages(tx, request));
  if (entering.sourcePackageIds.length === 0) throw notThere(request);

  const change = await changeSource(tx, distribution, { source, leaving: left, entering });
  const data = { act: "restore", by, left };
  await recordMovement(tx, { type: "MIGRATED", distribution: request.distribution, source, version, data });
  return { change, left };
}

/** What the distribution held of that version when it was there last. */
async function lastPackages(tx: Transaction, { distribution, source, version }: RestoreRequest): Promise<PackageIds> {
  const sources = await tx
    .selectFrom("source_memberships as members")
    .innerJoin("source_packages as packages", "packages.id", "members.source_package_id")
    .select(["packages.id", "members.valid_to as leftAt"])
    .where("members.distribution", "=", distribution)
    .where("packages.name", "=", source)
    .where("packages.version", "=", version)
    .orderBy("members.valid_to", "desc")
    .execute();
  const binaries = await tx
    .selectFrom("binary_memberships as members")
    .innerJoin("binary_packages as packages", "packages.id", "members.binary_package_id")
    .select(["packages.id", "members.valid_to as leftAt"])
    .where("members.distribution", "=", distribution)
    .where("packages.source", "=", source)
    .where("packages.source_version", "=", version)
    .execute();
  const [last] = sources;
  return {
    sourcePackageIds: last === undefined ? [] : [last.id],
    binaryPackageIds: binaries.filter(({ leftAt }) => leftAt === last?.leftAt).map(({ id }) => id),
  };
}

function isNewest({ distribution, source, version }: RestoreRequest): AppError {
  return new AppError({
    kind: "conflict",
    code: "VERSION_IS_NEWEST",
    message: `${source} ${version} is the newest version in ${distribution} already`,
    hint: `mini-buildd ls ${source} shows the older ones that are kept`,
    facts: { distribution, source, version },
  });
}
