import type { PeriodicSnapshots } from "./periodic-snapshots.ts";

/** What the archive must know of a distribution; the catalog decides it. Stored with the distribution as JSON. */
export interface DistributionSettings {
  /** CODENAME-REPOSITORYID-SUITE */
  readonly name: string;
  readonly repositoryId: string;
  /** The base release. */
  readonly codename: string;
  /** In the order of Release. */
  readonly components: readonly string[];
  /** Without "all". */
  readonly architectures: readonly string[];
  readonly origin: string;
  /** Default: the distribution's name. */
  readonly label?: string | undefined;
  readonly description?: string | undefined;
  readonly notAutomatic: boolean;
  readonly butAutomaticUpgrades: boolean;
  /** Older versions of each source package that stay visible beside the newest. */
  readonly keep: number;
  /** Where apt finds the distribution at an instant, with @SNAPSHOTID@ for it. */
  readonly snapshotsUri?: string | undefined;
  /** Made by the schedule; default: none. */
  readonly snapshots?: PeriodicSnapshots | undefined;
  /** Older versions that were superseded this many days ago leave; default: by number only. */
  readonly keepDays?: number | undefined;
  /** What left the distribution this many days ago may be forgotten; default: never. */
  readonly historyDays?: number | undefined;
  /** Forms of each index beside gz and xz. */
  readonly compressions?: readonly "zst"[] | undefined;
  /** Valid-Until this long after the Date: only where it is signed again in time. Default: for ever. */
  readonly validForMs?: number | undefined;
  /** The distribution that packages go to next. */
  readonly migratesTo?: string | undefined;
  /** Those of `architectures` whose binary packages may be missing. */
  readonly optionalArchitectures?: readonly string[] | undefined;
  /** How many `NAME-rollbackN` distributions show its kept versions, one rank each. Default: none. */
  readonly rollbackViews?: number | undefined;
  /** It is such a view: made from the kept versions of another distribution, and never written to. */
  readonly rollbackOf?: RollbackOf | undefined;
}

export interface RollbackOf {
  readonly distribution: string;
  /** The N of `-rollbackN`: 0 shows the version before the newest. */
  readonly rank: number;
}

/** The same text for the same settings, so that a change shows. */
export function formatSettings(settings: DistributionSettings): string {
  const { name, repositoryId, codename, components, architectures, origin, notAutomatic, butAutomaticUpgrades, keep } = settings;
  const {
    label = name,
    description = name,
    snapshotsUri,
    snapshots,
    keepDays,
    historyDays,
    compressions,
    validForMs,
    migratesTo,
    optionalArchitectures,
    rollbackViews,
    rollbackOf,
  } = settings;
  return JSON.stringify({
    name,
    repositoryId,
    codename,
    components,
    architectures,
    origin,
    label,
    description,
    notAutomatic,
    butAutomaticUpgrades,
    keep,
    snapshotsUri,
    snapshots,
    keepDays,
    historyDays,
    compressions: compressions?.length === 0 ? undefined : compressions,
    validForMs,
    migratesTo,
    optionalArchitectures: optionalArchitectures?.length === 0 ? undefined : optionalArchitectures,
    rollbackViews: rollbackViews === 0 ? undefined : rollbackViews,
    rollbackOf,
  });
}

export function parseSettings(text: string): DistributionSettings {
  return JSON.parse(text) as DistributionSettings;
}
