/**
 * farm: builds waiting and running: who builds what, until when, and what came of it.
 *
 * Terms: a *build* is one attempt at one architecture of an upload, a row; a further attempt is a new row. A *lease*
 * is a builder's right to an attempt until it stops renewing; the attempt's own id is its fencing number. A build is
 * *live* while it waits or is leased; the *current* build of an architecture is its newest attempt.
 *
 * Invariants:
 * - `advance` alone writes a build's state, with its event, the next attempt and the next job in one transaction.
 * - An attempt is leased once; a report for one that is lost or cancelled is refused (BUILD_LEASE_LOST).
 * - The package's failure ends an architecture; the environment's and a lost builder's do not, up to a limit.
 * - Missing build dependencies end nothing: the next attempt waits for them, says so, and is tried when they may be there.
 * - For each BUILDING there is exactly one BUILT; when the last build of an upload has ended, CONCLUDE_BUILDS_JOB is
 *   enqueued.
 * - Each attempt has a directory of its own: a late one spoils nothing.
 */

export type { Build, BuildStepRecord } from "./build.ts";
export { buildDirectory, buildLogPath, sourceDirectory } from "./build-paths.ts";
export { BUILD_STATES, type BuildState, LIVE_BUILD_STATES } from "./build-states.ts";
export { relieveBuildTrees } from "./build-trees.ts";
export { cancelBuild, cancelUploadBuilds } from "./cancel-build.ts";
export {
  type DependencyWait,
  enqueueOutlook,
  enqueueResume,
  listDependencyWaits,
  noteOutlook,
  resumeBuild,
  type WaitingBuild,
} from "./dependency-wait.ts";
export { BUILDS_TOPIC, CONCLUDE_BUILDS_JOB, type FarmContext, type FarmLimits, RESUME_BUILDS_JOB } from "./farm-context.ts";
export { giveUpOptionalBuilds } from "./give-up-optional.ts";
export {
  type BuildLease,
  type ClaimRequest,
  claimBuild,
  finishBuild,
  giveBackBuild,
  renewLease,
  reportStep,
} from "./lease.ts";
export {
  type BuildLogLocation,
  type BuiltFile,
  listBuilds,
  listBuiltFiles,
  listCurrentBuilds,
  listLiveBuilds,
  loadBuild,
  locateBuildLog,
} from "./list-builds.ts";
export { LocalBuilder, type LocalBuilderOptions, type LocalBuilderStatus } from "./local-builder.ts";
export { expireLeases, reclaimBuilds } from "./lost-builds.ts";
export { BUILD_PRIORITIES, type NewBuild, orderBuilds } from "./order-builds.ts";
export { type RetriedBuilds, type RetryRequest, retryBuilds } from "./retry-build.ts";
export type { BuildRunner } from "./running-build.ts";
