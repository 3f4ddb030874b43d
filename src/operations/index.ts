/**
 * operations: every operation of the program as a value: name, arguments, who may, result. Pure; knows no
 * implementation. The original's HTTP calls, the REST routes, OpenAPI, the command line and the authorisation
 * tests are derived from `operations`; `handlers` implements each.
 *
 * An operation without side effects is read by GET everywhere. One that `changesState` is a POST with a JSON body at
 * `/api/v1/<name with dashes>`, and at the original's URI `/mini_buildd/api/<name>/` it needs `confirm=<name>`.
 *
 * Adding one: a file here, an entry below, an implementation in handlers/, a row per new error code.
 */
import { accountOperations } from "./accounts.ts";
import { aptPreferences } from "./apt-preferences.ts";
import { archiveVerify, archiveVerifyStatus } from "./archive-verify.ts";
import { cancel } from "./cancel.ts";
import { catalogApply, catalogPlan } from "./catalog.ts";
import { debdiff } from "./debdiff.ts";
import { debmirror, debmirrorLs } from "./debmirror.ts";
import { dputConf } from "./dput-conf.ts";
import { engineOperations } from "./engine.ts";
import { events } from "./events.ts";
import { keyringPackages } from "./keyring-packages.ts";
import { logOperations } from "./log.ts";
import { ls } from "./ls.ts";
import { migrate } from "./migrate.ts";
import { migrationPreview } from "./migration-preview.ts";
import { notYetOperations } from "./not-yet.ts";
import type { Operation } from "./operation.ts";
import { port, portExt } from "./ports.ts";
import { pubKey } from "./pub-key.ts";
import { rebuild } from "./rebuild.ts";
import { remove } from "./remove.ts";
import { restore } from "./restore.ts";
import { retentionApply, retentionPreview } from "./retention.ts";
import { retry } from "./retry.ts";
import { search } from "./search.ts";
import { show } from "./show.ts";
import { snapshotCreate, snapshotDelete, snapshotDiff, snapshotLs } from "./snapshots.ts";
import { sourcesList } from "./sources-list.ts";
import { sshKeyOperations } from "./ssh-keys.ts";
import { status } from "./status.ts";
import { testPackages } from "./test-packages.ts";
import { undo } from "./undo.ts";
import { upload } from "./upload.ts";
import { uploaderKeyOperations } from "./uploader-keys.ts";

export {
  type AuditView,
  audit,
  type SessionView,
  sessionEnd,
  sessionLs,
  type TokenView,
  tokenCreate,
  tokenLs,
  tokenRevoke,
  type UserView,
  userCreate,
  userLink,
  userLs,
  userRights,
  userSet,
  whoami,
} from "./accounts.ts";
export { aptPreferences } from "./apt-preferences.ts";
export { archiveVerify, archiveVerifyStatus, type VerificationView } from "./archive-verify.ts";
export { cancel } from "./cancel.ts";
export { type CatalogChangeView, catalogApply, catalogPlan } from "./catalog.ts";
export { debdiff } from "./debdiff.ts";
export { debmirror, debmirrorLs } from "./debmirror.ts";
export { dputConf } from "./dput-conf.ts";
export { cronjob, cronjobLs, reindex, remakeChroots, start, stop } from "./engine.ts";
export { type EventView, events } from "./events.ts";
export { keyringPackages } from "./keyring-packages.ts";
export { type LogLineView, log, logLevelLs, logLevelSet } from "./log.ts";
export { type LsEntry, ls } from "./ls.ts";
export { migrate } from "./migrate.ts";
export { type MigrationHopView, migrationPreview } from "./migration-preview.ts";
export { notYetOperations } from "./not-yet.ts";
export {
  ACCESS_LEVELS,
  type Access,
  type ArgumentRules,
  type ArgumentsFor,
  isAllowed,
  type Operation,
  parseArguments,
  type RepositoryRightRule,
  type ResultOf,
  restPath,
} from "./operation.ts";
export type { ArgumentsOf, Parameter, Parameters } from "./parameter.ts";
export { port, portExt } from "./ports.ts";
export {
  PROBLEM_TYPE,
  type Problem,
  type ProblemDetails,
  problemDetails,
  problemText,
  takesProblemDetails,
} from "./problem-details.ts";
export { pubKey } from "./pub-key.ts";
export { rebuild } from "./rebuild.ts";
export { remove } from "./remove.ts";
export { restore } from "./restore.ts";
export { type RetentionView, retentionApply, retentionPreview } from "./retention.ts";
export { retry } from "./retry.ts";
export { search } from "./search.ts";
export { show } from "./show.ts";
export { type PackageDifferenceView, snapshotCreate, snapshotDelete, snapshotDiff, snapshotLs } from "./snapshots.ts";
export { sourcesList } from "./sources-list.ts";
export { removeSshKey, type SshKeyView, setSshKey, sshKeys } from "./ssh-keys.ts";
export { status } from "./status.ts";
export { testPackages } from "./test-packages.ts";
export { undo } from "./undo.ts";
export { type BuildView, type CheckChangesView, type ProblemView, type StepView, type UploadView, upload } from "./upload.ts";
export {
  approveUserKey,
  refuseUserKey,
  removeUserKey,
  setUserKey,
  type UploaderKeyView,
  uploaderKeys,
  uploaders,
  userKeys,
} from "./uploader-keys.ts";

/** Every operation, in the order that help shows them. */
export const operations: readonly Operation[] = [
  status,
  events,
  upload,
  ls,
  show,
  pubKey,
  dputConf,
  sourcesList,
  aptPreferences,
  debdiff,
  migrate,
  migrationPreview,
  remove,
  restore,
  undo,
  snapshotLs,
  snapshotCreate,
  snapshotDelete,
  snapshotDiff,
  retentionPreview,
  retentionApply,
  archiveVerify,
  archiveVerifyStatus,
  port,
  portExt,
  rebuild,
  cancel,
  retry,
  catalogPlan,
  catalogApply,
  search,
  keyringPackages,
  testPackages,
  debmirror,
  debmirrorLs,
  ...engineOperations,
  ...logOperations,
  ...accountOperations,
  ...uploaderKeyOperations,
  ...sshKeyOperations,
  ...notYetOperations,
];

export function findOperation(name: string): Operation | undefined {
  return operations.find((operation) => operation.name === name);
}
