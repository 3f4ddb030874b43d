import type { Kysely } from "kysely";
import type { Schema, Transaction } from "../database/index.ts";
import { compareVersions, type Version } from "../formats/index.ts";
import { AppError } from "../runtime/index.ts";
import { changeSource, NO_PACKAGES } from "./change-source.ts";
import type { DistributionSettings } from "./distribution-settings.ts";
import type { InstallResult } from "./install.ts";
import { membersBySourceVersion } from "./membership.ts";
import { recordMovement } from "./movement-event.ts";
import { loadWritableDistribution } from "./writable-distribution.ts";

export interface RemoveRequest {
  readonly distribution: string;
  readonly source: string;
  /** Default: the newest there. */
  readonly version?: string | undefined;
  /** Take the older versions that are kept along. */
  readonly withoutRollback?: boolean | undefined;
  /** Who asked for it, for the record. */
  readonly by?: string | undefined;
}

export interface RemoveResult extends InstallResult {
  /** Newest first. */
  readonly versions: readonly string[];
}

/**
 * Take a version of a source package, with its binary packages, out of a distribution; a kept older version becomes
 * the newest. Its files stay in the pool. Throws `not-found` DISTRIBUTION_UNKNOWN, PACKAGE_NOT_THERE; `conflict`
 * DISTRIBUTION_READ_ONLY.
 */
export async function removeSourceVersion(tx: Transaction, request: RemoveRequest): Promise<RemoveResult> {
  const { source, by, withoutRollback = false } = request;
  const distribution = await loadWritableDistribution(tx, request.distribution);
  const there = await versionsThere(tx, distribution.settings, source);
  const version = request.version ?? there[0];
  if (version === undefined || !there.includes(version)) throw notThere(request);

  const versions = withoutRollback ? there.slice(there.indexOf(version)) : [version];
  const change = await changeSource(tx, distribution, { source, leaving: versions, entering: NO_PACKAGES });
  const data = { act: "remove", by, versions, newest: there.find((candidate) => !versions.includes(candidate)) ?? null };
  await recordMovement(tx, { type: "REMOVED", distribution: request.distribution, source, version, data });
  return { isChanged: true, change, versions };
}

/** Versions of a source package in a distribution now, newest first. */
export async function versionsThere(db: Kysely<Schema>, settings: DistributionSettings, source: string): Promise<string[]> {
  const members = await membersBySourceVersion(db, settings, source);
  return [...members.keys()].sort((a, b) => compareVersions(b as Version, a as Version));
}

export function notThere(request: { distribution: string; source: string; version?: string | undefined }): AppError {
  const { distribution, source, version } = request;
  return new AppError({
    kind: "not-found",
    code: "PACKAGE_NOT_THERE",
    message: `source package ${[source, version].filter((part) => part !== undefined).join(" ")} is not in ${distribution}`,
    hint: `mini-buildd ls ${source} shows where it is`,
    facts: { distribution, source, version },
  });
}
