import { rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { BUILD_PRIORITIES, type NewBuild, orderBuilds } from "../farm/index.ts";
import type { Problem } from "../rules/index.ts";
import { makeDirectory, syncDirectory } from "../runtime/index.ts";
import { advance } from "./advance.ts";
import { makeBuilds } from "./build-orders.ts";
import { checkRivals } from "./check-rivals.ts";
import { type AcceptedUpload, judgeUpload } from "./judge-upload.ts";
import { OWN_CHANNEL } from "./own-channel.ts";
import type { PackagerContext } from "./packager-context.ts";
import { checkRebuildRivals, judgeRebuild, stageRebuild } from "./rebuilds/judge-rebuild.ts";
import { isRebuild } from "./rebuilds/rebuild-channel.ts";
import { removeRejected } from "./sweep-uploads.ts";
import { loadUpload, type Upload } from "./upload.ts";
import { stagingPath, uploadPath } from "./upload-paths.ts";

/** Job: judge an upload; accepted, its builds are ordered; if not, every reason is told at once. Safe to run twice. */
export async function checkUpload(context: PackagerContext, uploadId: string, signal: AbortSignal): Promise<void> {
  const upload = await loadUpload(context.database.read, uploadId);
  if (upload.state !== "received" && upload.state !== "checking") return;

  await context.database.transaction((tx) => advance(tx, upload, { type: "check-started" }));
  if (isRebuild(upload) && !(await hasFiles(context, upload))) await stageRebuild(context, upload);
  await takeFilesFromStaging(context, upload);

  const verdict = await (isRebuild(upload) ? judgeRebuild(context, upload) : judgeUpload(context, upload));
  if (verdict.type === "rejected") return reject(context, upload, verdict.problems);

  const builds = await makeBuilds(context, verdict, signal);
  return accept(context, { upload, accepted: verdict, builds });
}

async function hasFiles(context: PackagerContext, upload: Upload): Promise<boolean> {
  return (await stat(uploadPath(context, upload.id)).catch(() => undefined)) !== undefined;
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
  await removeRejected(context, upload.id);
}

async function accept(
  context: PackagerContext,
  decision: { upload: Upload; accepted: AcceptedUpload; builds: readonly NewBuild[] },
): Promise<void> {
  const { upload, accepted, builds } = decision;
  const problems = await context.database.transaction(async (tx) => {
    const rivals = await (accepted.isBinNmu === true
      ? checkRebuildRivals(tx, accepted)
      : checkRivals(tx, context.catalog(), accepted));
    if (rivals.length > 0) return rivals;

    const architectures = builds.map(({ order }) => order.architecture);
    const { signerFingerprint, unusedFiles } = accepted;
    const isNews = await advance(tx, upload, { type: "accepted", signerFingerprint, architectures, unusedFiles });
    // A mass of ports gives way to a person who waits.
    const isOurs = upload.channel === OWN_CHANNEL || isRebuild(upload);
    const priority = isOurs ? BUILD_PRIORITIES.background : BUILD_PRIORITIES.person;
    if (isNews) {
      const prioritised = builds.map((build) => ({ ...build, priority }));
      await orderBuilds(tx, upload.id, prioritised);
    }
    return [];
  });

  if (problems.length > 0) return reject(context, upload, problems);
  context.logger.info("upload accepted", { uploadId: upload.id });
}
