/**
 * catalog: what this instance serves: archive sources, base releases, layouts, repositories, and the distributions
 * that follow from them.
 *
 * Terms. The *document* is etc/catalog.toml as written, with defaults. The *catalog* is a document that the machine
 * has completed: the host's own archive, keys, version numbers of releases. A *revision* is a document that was
 * applied; the newest one is in force, whatever the file says meanwhile.
 *
 * Invariants: a catalog is immutable, and an apply replaces it as a whole; a document is taken with all its names
 * resolved or not at all; what would stop serving packages that are there is refused unless it is asked for.
 */
export {
  type BuildSources,
  Catalog,
  type DistributionTarget,
  type ResolvedCodename,
  type TargetArchitecture,
} from "./catalog.ts";
export type { CatalogDocument } from "./document.ts";
export { type HostArchive, type HostArchiveOptions, type HostSuite, readHostArchive } from "./host-archive.ts";
export { type ApplyOptions, CatalogKeeper, type CatalogKeeperOptions, type PlannedChange, readCatalogInForce } from "./keeper.ts";
export { PackageLists, type PackageListsOptions } from "./package-lists.ts";
export { parseCatalog } from "./parse.ts";
export { type CatalogChange, planCatalog } from "./plan.ts";
export type { CatalogProblem } from "./problems.ts";
export { type ResolveOptions, resolveCatalog } from "./resolve.ts";
