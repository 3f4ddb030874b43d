import type { DistributionSettings } from "../archive/index.ts";
import type { Catalog, DistributionTarget } from "../catalog/index.ts";
import { formatDistributionName } from "../formats/index.ts";
import { rollbackCount } from "../rules/index.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** What the archive must know of each distribution of the catalog. */
export function distributionSettings(
  catalog: Catalog,
  { origin, url }: { readonly origin: string; readonly url: string },
): DistributionSettings[] {
  return catalog.listDistributions().map((target) => ({
    name: target.name,
    repositoryId: target.repositoryId,
    codename: target.codename,
    components: target.components,
    architectures: target.architectures.map((architecture) => architecture.name),
    optionalArchitectures: target.architectures.filter(({ isOptional }) => isOptional).map(({ name }) => name),
    origin,
    notAutomatic: target.suite.notAutomatic,
    butAutomaticUpgrades: target.suite.butAutomaticUpgrades,
    keep: target.suite.keep,
    rollbackViews: rollbackCount(target.suite),
    migratesTo: nextDistribution(target),
    compressions: target.suite.zstd === true ? ["zst"] : undefined,
    validForMs: target.suite.validDays === undefined ? undefined : target.suite.validDays * DAY_MS,
    snapshotsUri: `${url}/repositories/${target.repositoryId}/snapshot/@SNAPSHOTID@/`,
    ...target.suite.retention,
  }));
}

function nextDistribution({ codename, repositoryId, suite }: DistributionTarget): string | undefined {
  if (suite.migratesTo === undefined) return undefined;
  return formatDistributionName({ codename, repositoryId, suite: suite.migratesTo });
}
