import {
  handleAudit,
  handleSessionEnd,
  handleSessionLs,
  handleUserCreate,
  handleUserLink,
  handleUserLs,
  handleUserRights,
  handleUserSet,
  handleWhoami,
} from "./accounts.ts";
import { handleTokenCreate, handleTokenLs, handleTokenRevoke } from "./api-tokens.ts";
import { handleAptPreferences } from "./apt-preferences.ts";
import { handleArchiveVerify, handleArchiveVerifyStatus } from "./archive-verify.ts";
import { handleCancel } from "./cancel.ts";
import { handleCatalogApply, handleCatalogPlan } from "./catalog.ts";
import { handleDputConf } from "./dput-conf.ts";
import { handleCronjob, handleCronjobLs, handleReindex, handleRemakeChroots, handleStart, handleStop } from "./engine.ts";
import { handleEvents } from "./events.ts";
import {
  handleRetentionApply,
  handleRetentionPreview,
  handleSnapshotCreate,
  handleSnapshotDelete,
  handleSnapshotDiff,
  handleSnapshotLs,
} from "./history.ts";
import type { Implementation } from "./implementation.ts";
import { handleLog, handleLogLevelLs, handleLogLevelSet } from "./log.ts";
import { handleLs } from "./ls.ts";
import { handleMigrate, handleMigrationPreview, handleRemove, handleRestore, handleUndo } from "./movement.ts";
import { notYetHandlers } from "./not-yet.ts";
import {
  handleDebdiff,
  handleDebmirror,
  handleDebmirrorLs,
  handleKeyringPackages,
  handlePort,
  handlePortExt,
  handleRebuild,
  handleTestPackages,
} from "./own-sources.ts";
import { handlePubKey } from "./pub-key.ts";
import { handleRetry } from "./retry.ts";
import { handleSearch } from "./search.ts";
import { handleShow } from "./show.ts";
import { handleSourcesList } from "./sources-list.ts";
import { handleRemoveSshKey, handleSetSshKey, handleSshKeys } from "./ssh-keys.ts";
import { handleStatus } from "./status.ts";
import { handleUpload } from "./upload.ts";
import {
  handleApproveUserKey,
  handleRefuseUserKey,
  handleRemoveUserKey,
  handleSetUserKey,
  handleUploaderKeys,
  handleUploaders,
  handleUserKeys,
} from "./uploader-keys.ts";

/** One for every entry of `operations`. */
export const implementations: readonly Implementation[] = [
  handleStatus,
  handleEvents,
  handleUpload,
  handleLs,
  handleShow,
  handlePubKey,
  handleDputConf,
  handleSourcesList,
  handleAptPreferences,
  handleDebdiff,
  handlePort,
  handlePortExt,
  handleRebuild,
  handleKeyringPackages,
  handleTestPackages,
  handleDebmirror,
  handleDebmirrorLs,
  handleMigrate,
  handleMigrationPreview,
  handleRemove,
  handleRestore,
  handleUndo,
  handleSnapshotLs,
  handleSnapshotCreate,
  handleSnapshotDelete,
  handleSnapshotDiff,
  handleRetentionPreview,
  handleRetentionApply,
  handleArchiveVerify,
  handleArchiveVerifyStatus,
  handleCancel,
  handleRetry,
  handleCatalogPlan,
  handleCatalogApply,
  handleSearch,
  handleStart,
  handleStop,
  handleCronjobLs,
  handleCronjob,
  handleRemakeChroots,
  handleReindex,
  handleLog,
  handleLogLevelLs,
  handleLogLevelSet,
  ...notYetHandlers,
  handleWhoami,
  handleSessionLs,
  handleSessionEnd,
  handleTokenLs,
  handleTokenCreate,
  handleTokenRevoke,
  handleUserLs,
  handleUserCreate,
  handleUserLink,
  handleUserSet,
  handleUserRights,
  handleAudit,
  handleSetUserKey,
  handleUserKeys,
  handleRemoveUserKey,
  handleUploaders,
  handleUploaderKeys,
  handleApproveUserKey,
  handleRefuseUserKey,
  handleSetSshKey,
  handleSshKeys,
  handleRemoveSshKey,
];
