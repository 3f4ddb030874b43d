import type { Transaction } from "../database/index.ts";
import type { PoolFile } from "./content-store.ts";
import { commitChange, loadDistribution } from "./distributions.ts";
import type { ImportedBinary, ImportedDsc } from "./import-package.ts";
import { closeOldVersions } from "./kept-versions.ts";
import { openMemberships } from "./membership.ts";
import { addBinaryPackages, addBuildinfo, addSourcePackage } from "./package-rows.ts";
import { updateRollbackViews } from "./rollback-views.ts";

export interface InstallRequest {
  /** The distribution's name. */
  readonly distribution: string;
  readonly source?: InstallSource | undefined;
  /** Imported; arch:all ones go to every architecture. */
  readonly binaries: readonly ImportedBinary[];
  readonly buildinfos: readonly InstallBuildinfo[];
}

export interface InstallSource {
  readonly dsc: ImportedDsc;
  /** Everything that the .dsc lists, imported or found in the pool. */
  readonly files: readonly PoolFile[];
  /** As in the .changes; default: the .dsc's own. Its first part is the component. */
  readonly section?: string | undefined;
}

export interface InstallBuildinfo {
  readonly file: PoolFile;
  readonly source: string;
  readonly sourceVersion: string;
}

export interface InstallResult {
  /** False when everything was there already: then nothing is published either. */
  readonly isChanged: boolean;
  /** Of the distribution, after it. */
  readonly change: number;
}

/**
 * Put packages into a distribution, in the caller's transaction, and have it published. All files must have been
 * imported before (nothing here touches the disk). Source packages keep their newest `keep` older versions, with
 * their binary packages. The same request again has no effect.
 *
 * Throws `not-found` DISTRIBUTION_UNKNOWN; `conflict` IDENTITY_CONFLICT with both hashes; `invalid`
 * COMPONENT_UNKNOWN, ARCHITECTURE_UNKNOWN, SOURCE_FILES_INCOMPLETE.
 */
export async function installPackages(tx: Transaction, request: InstallRequest): Promise<InstallResult> {
  const distribution = await loadDistribution(tx, request.distribution);
  const { settings } = distribution;

  const sourcePackageIds = request.source === undefined ? [] : [await addSourcePackage(tx, settings, request.source)];
  const binaryPackageIds = await addBinaryPackages(tx, settings, request.binaries);
  for (const buildinfo of request.buildinfos) await addBuildinfo(tx, settings, buildinfo);

  const change = distribution.change + 1;
  const opened = await openMemberships(tx, { ...distribution, change }, { sourcePackageIds, binaryPackageIds });
  if (opened === 0) return { isChanged: false, change: distribution.change };

  await closeOldVersions(tx, settings, sourceNames(request), change);
  await commitChange(tx, settings, { change, nextSequence: distribution.nextSequence + opened });
  await updateRollbackViews(tx, settings, sourceNames(request));
  return { isChanged: true, change };
}

function sourceNames({ source, binaries }: InstallRequest): Set<string> {
  const names = new Set(binaries.map((binary) => binary.source));
  if (source !== undefined) names.add(source.dsc.dsc.source);
  return names;
}
