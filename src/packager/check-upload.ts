import { rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Transaction } from "../database/index.ts";
import { type NewBuild, orderBuilds } from "../farm/index.ts";
import type { Problem } from "../rules/index.ts";
import { makeDirectory, syncDirectory } from "../runtime/index.ts";
import { advance } from "./advance.ts";
import { makeBuilds } from "./build-orders.ts";
import { type AcceptedUpload, judgeUpload } from "./judge-upload.ts";
import type { PackagerContext } from "./packager-context.ts";
import { LIVE_UPLOAD_STATES } from "./states.ts";
import { loadUpload, type Upload } from "./upload.ts";
import { stagingPath, uploadPath } from "./upload-paths.ts";

/** Job: judge an upload; accepted, its builds are ordered; if not, every reason is told at once. Safe to run twice. */
export async function checkUpload(context: PackagerContext, uploadId: string): Promise<void> {
  const upload = await loadUpload(context.database.read, uploadId);
  if (upload.state !== "received" && upload.state !== "checking") return;

  await context.database.transaction((tx) => advance(tx, upload, { type: "check-started" }));
  await takeFilesFromStaging(context, upload);

  const verdict = await judgeUpload(context, upload);
  if (verdict.type === "rejected") return reject(context, upload, verdict.problems);

  const builds = await makeBuilds(context, verdict);
  return accept(context, { upload, accepted: verdict, builds });
}

/** One rename, so that the upload's directory is complete or not there. */
async function takeFilesFromStaging(context: PackagerContext, upload: Upload): Promise<void> {
  const path = uploadPath(context, upload.id);
  await makeDirectory(dirname(path));
  try {
    await rename(stagingPath(context, upload.changesSha256), path);
  } catch (error) {
    // Taken already, before a crash.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  await syncDirectory(dirname(path));
}

async function reject(context: PackagerContext, upload: Upload, problems: readonly Problem[]): Promise<void> {
  await context.database.transaction((tx) => advance(tx, upload, { type: "rejected", problems }));
  context.logger.info("upload rejected", { uploadId: upload.id, codes: problems.map((problem) => problem.code) });
  // What was refused is never needed again; its .changes text and its reasons are in the row.
  await rm(uploadPath(context, upload.id), { recursive: true, force: true });
}

async function accept(
  context: PackagerContext,
  decision: { upload: Upload; accepted: AcceptedUpload; builds: readonly NewBuild[] },
): Promise<void> {
  const { upload, accepted, builds } = decision;
  const rival = await context.database.transaction(async (tx) => {
    const rivalId = await findRival(tx, upload, accepted);
    if (rivalId !== undefined) return rivalId;

    const architectures = builds.map(({ order }) => order.architecture);
    const isNews = await advance(tx, upload, { type: "accepted", signerFingerprint: accepted.signerFingerprint, architectures });
    if (isNews) await orderBuilds(tx, upload.id, builds);
    return undefined;
  });

  if (rival === undefined) context.logger.info("upload accepted", { uploadId: upload.id });
  else await reject(context, upload, [versionInProgress(upload, rival)]);
}

/** Another upload of the same version to the same repository that was accepted and has not ended. */
async function findRival(tx: Transaction, upload: Upload, accepted: AcceptedUpload): Promise<string | undefined> {
  const rows = await tx
    .selectFrom("uploads")
    .select(["id", "distribution"])
    .where("source", "=", upload.source)
    .where("version", "=", upload.version)
    .where("state", "in", LIVE_UPLOAD_STATES)
    .where("state", "not in", ["received", "checking"])
    .where("id", "!=", upload.id)
    .execute();
  return rows.find((row) => accepted.repositoryOf(row.distribution) === accepted.target.repositoryId)?.id;
}

function versionInProgress(upload: Upload, rivalId: string): Problem {
  return {
    code: "VERSION_IN_PROGRESS",
    message: `${upload.source} ${upload.version} is being built already, from upload ${rivalId}`,
    hint: "Wait for that one to end, cancel its builds, or use a higher version",
  };
}
