/**
 * archive: the pool, the packages of each distribution with their history, and what apt sees of them.
 *
 * Terms. The *content store* (HOME/pool) holds every file once, by SHA-256; a file's *place* is its path in a
 * repository, a hard link made by the next publication. A *membership* puts a package into a distribution from one
 * *change* of it until before another. A *publication* is one generation of a distribution's indexes. An *object* is a
 * compressed index under its hash; generations share objects.
 *
 * A *rollback view* is a distribution that shows one rank of what another one keeps.
 *
 * States of a publication: `PUBLICATION_STATES`.
 *
 * Invariants:
 * - A name, version and architecture stands for one content, for ever, per repository, also after removal.
 * - What is in a distribution at a change never changes; only the future does.
 * - Readers see whole generations: objects first, then the three forms of Release, then one rename. A killed
 *   publication is repeated; the previous generation stays in force and valid meanwhile.
 * - The Date of a distribution's Release only grows. Objects outlive their last generation by the limits
 *   byHashRetentionMs and byHashRetentionGenerations.
 * - A source package moves with all its binary packages, in one change with one event; rollback views follow in the same
 *   transaction and are written to by nothing else.
 * - One publisher per distribution. Rendering happens in a process of its own, which remembers indexes as compressed chunks;
 *   nothing there is needed for correctness. Snapshots of what it remembers are rendered there, all others in another.
 *
 * Files are imported before the transaction that uses them (`ContentStore.importFile`, `importBinary`, `importDsc`);
 * everything that takes a transaction touches no disk.
 */

export { Archive } from "./archive.ts";
export { ArchivePaths } from "./archive-paths.ts";
export { binNmuNumber, highestBinNmu } from "./binnmu-number.ts";
export { ContentStore, type PoolFile } from "./content-store.ts";
export { compareHistory, type DifferenceKind, type PackageDifference } from "./difference.ts";
export type { DistributionSettings } from "./distribution-settings.ts";
export { ensureDistributions } from "./ensure-distributions.ts";
export { findPublication } from "./find-publication.ts";
export { type ImportBinariesOptions, importBinaries } from "./import-binaries.ts";
export { type ImportedBinary, importBinary, importDsc } from "./import-package.ts";
export {
  type InstallRequest,
  type InstallResult,
  installPackages,
} from "./install.ts";
export {
  type BaseArchive,
  type Breakage,
  type HopInstallability,
  Installability,
  type InstallabilityOptions,
} from "./installability.ts";
export { findIdentity } from "./installed-identity.ts";
export { formatInstant, parseInstant } from "./instant.ts";
export {
  type BinaryInDistribution,
  countPackages,
  findNewestSource,
  holdsPackages,
  listBinaries,
  listSourceVersions,
  listStanzas,
  type SourceInDistribution,
} from "./list-packages.ts";
export {
  assessMigration,
  type MigrateContext,
  type MigrateRequest,
  type MigrationAssessment,
  type MigrationResult,
  migrate,
} from "./migrate.ts";
export type { MigrationHop, MigrationPlan, MigrationProblem, MigrationRequest, PlannedPackage } from "./migration-plan.ts";
export { findOffer, listOffers, type OfferInDistribution } from "./offers-package.ts";
export { type PeriodicSnapshots, requestPeriodicSnapshots } from "./periodic-snapshots.ts";
export { findPoint, POINT_FORMS, type PointInHistory } from "./point-in-history.ts";
export { findPoolFiles, listFileUsers, listSourceFiles, type PlacedFile } from "./pool-rows.ts";
export { PUBLICATION_STATES } from "./publication-state.ts";
export { type RemoveRequest, type RemoveResult, removeSourceVersion } from "./remove.ts";
export { type ReplaceRequest, replaceBinaries } from "./replace-binaries.ts";
export { republishDistributions } from "./republish.ts";
export { resignDistributions } from "./resign.ts";
export { type RestoreRequest, type RestoreResult, restoreSourceVersion } from "./restore.ts";
export type { ForgottenHistory, RetentionReport } from "./retention.ts";
export {
  listSnapshots,
  type NamedSnapshot,
  requestSnapshot,
  requestSnapshotDeletion,
  SNAPSHOT_JOB,
  SNAPSHOT_STATES,
  type SnapshotId,
} from "./snapshot-state.ts";
export { sweepContent } from "./sweep-content.ts";
export type { TimeSnapshotRequest, TimeSnapshots } from "./time-snapshots.ts";
export { type UndoneSource, type UndoRequest, type UndoResult, undoLastChange } from "./undo.ts";
export type { FindCopies, Finding, VerificationStatus } from "./verification.ts";
