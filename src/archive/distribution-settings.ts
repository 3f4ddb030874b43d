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
}

/** The same text for the same settings, so that a change shows. */
export function formatSettings(settings: DistributionSettings): string {
  const { name, repositoryId, codename, components, architectures, origin, notAutomatic, butAutomaticUpgrades, keep } = settings;
  const { label = name, description = name, snapshotsUri } = settings;
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
  });
}

export function parseSettings(text: string): DistributionSettings {
  return JSON.parse(text) as DistributionSettings;
}
