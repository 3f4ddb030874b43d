import type { DistributionSettings } from "../archive/index.ts";
import type { Catalog } from "../catalog/index.ts";

/** What the archive must know of each distribution of the catalog. */
export function distributionSettings(catalog: Catalog, origin: string): DistributionSettings[] {
  return catalog.listDistributions().map((target) => ({
    name: target.name,
    repositoryId: target.repositoryId,
    codename: target.codename,
    components: target.components,
    architectures: target.architectures.map((architecture) => architecture.name),
    origin,
    notAutomatic: target.suite.notAutomatic,
    butAutomaticUpgrades: target.suite.butAutomaticUpgrades,
    keep: target.suite.keep,
  }));
}
