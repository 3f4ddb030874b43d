/**
 * packager: the workflow from a complete delivery to installed packages. The only module that knows archive and farm.
 *
 * Terms: an *upload* is one attempt to bring a signed .changes in; a *problem* a reason to refuse or fail it, told to
 * the uploader. Its states and what is true in each: states.ts. A *made source* is one that this instance makes itself
 * (ports, keyring and test packages); packed and signed, it is an upload like any other. A *binNMU* is an upload that
 * nobody sent: a source of the archive, of which an architecture's own packages are built again with a `+bN` version.
 *
 * Invariants:
 * - `advance` alone writes an upload's state, with its events and the next job in one transaction.
 * - Each step is a job that may run twice: it looks at the state first, and what it does to files can be repeated.
 * - What is parsed is what is signed; what is installed is what was checked.
 * - Every upload ends as installed, rejected or failed, the latter two with all their reasons.
 */
import type { Transaction } from "../database/index.ts";
import { CONCLUDE_BUILDS_JOB, RESUME_BUILDS_JOB } from "../farm/index.ts";
import type { JobWorker } from "../queue/index.ts";
import type { AppError } from "../runtime/index.ts";
import { advance } from "./advance.ts";
import { checkUpload } from "./check-upload.ts";
import { concludeBuilds } from "./conclude-builds.ts";
import { installUpload } from "./install-upload.ts";
import { CHECK_UPLOAD_JOB, INSTALL_UPLOAD_JOB, type UploadJob } from "./jobs.ts";
import { advanceMadeSource } from "./made-sources/made-source.ts";
import { makeSource } from "./made-sources/make-source.ts";
import { MIGRATE_MADE_JOB, type MigrateMadeJob, migrateMade } from "./made-sources/migrate-made.ts";
import { MAKE_SOURCE_JOB, type MakeSourceJob } from "./made-sources/request-sources.ts";
import type { PackagerContext } from "./packager-context.ts";
import { resumeBuilds } from "./resume-builds.ts";
import { discardUpload } from "./sweep-uploads.ts";
import { loadUpload, type Upload } from "./upload.ts";

export { type DebdiffRequest, debdiff } from "./debdiff.ts";
export { awaitSources, checkTests, type SourceProgress } from "./made-sources/await-sources.ts";
export { MADE_SOURCE_STATES, type MadeSourceState } from "./made-sources/made-source.ts";
export type { OpenWorkshop, Workshop, WorkshopCommand } from "./made-sources/open-workshop.ts";
export { purgeMadeSources } from "./made-sources/purge-made-sources.ts";
export { type ExternalPortRequest, requestExternalPort } from "./made-sources/request-external-port.ts";
export { type KeyringRequest, requestKeyrings } from "./made-sources/request-keyrings.ts";
export { type PortRequest, type RequestedPort, requestPort } from "./made-sources/request-port.ts";
export { requestTests, type TestRequest } from "./made-sources/request-tests.ts";
export type { OwnUploads, PackagerContext } from "./packager-context.ts";
export { type PruneAges, pruneFiles } from "./prune-files.ts";
export { purgeRejectedUploads } from "./purge-rejected.ts";
export { type RebuildRequest, type RequestedRebuild, requestRebuild } from "./rebuilds/request-rebuild.ts";
export { retryUpload } from "./retry-upload.ts";
export { LIVE_UPLOAD_STATES, UPLOAD_STATES, type UploadState } from "./states.ts";
export { sweepUploads } from "./sweep-uploads.ts";
export { type IncomingDelivery, UploadReceiver } from "./upload-receiver.ts";

/** Before the worker's start. */
export function registerPackagerJobs(worker: JobWorker, context: PackagerContext): void {
  worker.register<UploadJob>(CHECK_UPLOAD_JOB, ({ uploadId }, { signal }) => checkUpload(context, uploadId, signal), {
    onFailed: async (tx, { uploadId }, error) => {
      const upload = await endUpload(tx, { uploadId, type: "rejected", error });
      if (upload !== undefined) tx.afterCommit(() => discardUpload(context, upload));
    },
  });
  worker.register<UploadJob>(CONCLUDE_BUILDS_JOB, ({ uploadId }) => concludeBuilds(context, uploadId), {
    onFailed: async (tx, { uploadId }, error) => void (await endUpload(tx, { uploadId, type: "failed", error })),
  });
  worker.register<MakeSourceJob>(MAKE_SOURCE_JOB, ({ madeSourceId }, { signal }) => makeSource(context, madeSourceId, signal), {
    onFailed: async (tx, { madeSourceId }, { code, message, hint }) =>
      void (await advanceMadeSource(tx, { id: madeSourceId }, { type: "failed", problem: { code, message, hint } })),
  });
  worker.register<MigrateMadeJob>(MIGRATE_MADE_JOB, ({ madeSourceId }) => migrateMade(context, madeSourceId));
  worker.register<null>(RESUME_BUILDS_JOB, (_, { signal }) => resumeBuilds(context, signal));
  worker.register<UploadJob>(INSTALL_UPLOAD_JOB, ({ uploadId }) => installUpload(context, uploadId), {
    onFailed: async (tx, { uploadId }, error) => void (await endUpload(tx, { uploadId, type: "failed", error })),
  });
}

/**
 * A step that could not be done, for reasons of ours: the upload ends, its sender is told that it is not their fault.
 * Undefined: it had gone on already.
 */
async function endUpload(
  tx: Transaction,
  ending: { readonly uploadId: string; readonly type: "rejected" | "failed"; readonly error: AppError },
): Promise<Upload | undefined> {
  const { uploadId, type, error } = ending;
  const upload = await loadUpload(tx, uploadId);
  const hint = error.hint ?? "This is not the package's fault: tell the administrator, and upload again once it is mended";
  // It may not even have begun.
  if (upload.state === "received") await advance(tx, upload, { type: "check-started" });
  const isNews = await advance(tx, upload, { type, problems: [{ code: error.code, message: error.message, hint }] });
  return isNews ? upload : undefined;
}
