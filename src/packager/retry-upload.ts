import { stat } from "node:fs/promises";
import type { Transaction } from "../database/index.ts";
import { CONCLUDE_BUILDS_JOB, retryBuilds } from "../farm/index.ts";
import { parseChanges } from "../formats/index.ts";
import { enqueue } from "../queue/index.ts";
import { parseUploadOptions } from "../rules/index.ts";
import { AppError } from "../runtime/index.ts";
import { advance } from "./advance.ts";
import { requireSources, sourcesByArchitecture } from "./build-orders.ts";
import type { PackagerContext } from "./packager-context.ts";
import { LIVE_UPLOAD_STATES } from "./states.ts";
import { loadUpload, type Upload } from "./upload.ts";
import { uploadPath } from "./upload-paths.ts";

const NO_SIGNAL = new AbortController().signal;

/**
 * Build again what an upload failed for: one architecture, or all that were not built; without any, only its conclusion
 * and installation are tried again. `key` is the upload's id, with `/architecture` or `/source` after it if wanted.
 * Asked twice, it builds once. Returns the name of the .changes. Throws UPLOAD_NOT_FOUND, RETRY_NOT_FAILED,
 * RETRY_OVERTAKEN, RETRY_FILES_GONE, DISTRIBUTION_GONE, BUILD_NOT_FOUND.
 */
export async function retryUpload(context: PackagerContext, key: string, by: string): Promise<string> {
  const { uploadId, architecture } = parseKey(key);
  const upload = await loadUpload(context.database.read, uploadId);
  if (upload.state === "failed") await requireFiles(context, upload);
  const sources = await currentSources(context, upload);

  await context.database.transaction(async (tx) => {
    const { state } = await loadUpload(tx, uploadId);
    if (state !== "failed" && state !== "building") throw notFailed(upload, state);
    if (state === "failed") await refuseIfOvertaken(tx, upload);

    const { ordered, live } = await retryBuilds(tx, {
      uploadId,
      architecture,
      sourcesFor: (name) => requireSources(sources, name),
      by,
    });
    // It goes on by itself: whoever asked before has it so.
    if (state === "building") {
      if (ordered.length + live.length === 0) throw notFailed(upload, state);
      return;
    }
    await advance(tx, upload, { type: "retried", by, builds: ordered });
    if (ordered.length > 0) return;
    await enqueue(tx, { kind: CONCLUDE_BUILDS_JOB, payload: { uploadId }, dedupeKey: `${CONCLUDE_BUILDS_JOB}:${uploadId}` });
  });
  return upload.changesName;
}

/** source/version/timecode[/architecture[~attempt]]; "source" stands for the whole upload, as with the original. */
function parseKey(key: string): { uploadId: string; architecture: string | undefined } {
  const [source = "", version = "", timecode = "", build] = key.split("/");
  const architecture = build === undefined || build === "source" ? undefined : build.replace(/~\d+$/, "");
  return { uploadId: `${source}/${version}/${timecode}`, architecture };
}

async function requireFiles(context: PackagerContext, upload: Upload): Promise<void> {
  const isThere = await stat(uploadPath(context, upload.id)).catch(() => undefined);
  if (isThere !== undefined) return;

  throw new AppError({
    kind: "conflict",
    code: "RETRY_FILES_GONE",
    message: `the files of ${upload.id} are not kept any more`,
    hint: "Upload it again",
  });
}

async function currentSources(context: PackagerContext, upload: Upload): ReturnType<typeof sourcesByArchitecture> {
  const target = context.catalog().findDistribution(upload.distribution);
  if (target === undefined) {
    throw new AppError({
      kind: "conflict",
      code: "DISTRIBUTION_GONE",
      message: `distribution ${upload.distribution} is not in the catalog any more`,
      hint: "Upload to another distribution",
    });
  }
  const { options } = parseUploadOptions(
    upload.changesText === "" ? "" : parseChanges(upload.changesText, upload.changesName).changes,
  );
  return sourcesByArchitecture(context, { target, options }, NO_SIGNAL);
}

/** The same version from another upload: two of them would exclude each other in the end. */
async function refuseIfOvertaken(tx: Transaction, upload: Upload): Promise<void> {
  const other = await tx
    .selectFrom("uploads")
    .select(["id", "state"])
    .where("source", "=", upload.source)
    .where("version", "=", upload.version)
    .where("distribution", "=", upload.distribution)
    .where("id", "!=", upload.id)
    .where("state", "in", [...LIVE_UPLOAD_STATES, "installed"])
    .limit(1)
    .executeTakeFirst();
  if (other === undefined) return;

  throw new AppError({
    kind: "conflict",
    code: "RETRY_OVERTAKEN",
    message: `${upload.source} ${upload.version} was uploaded again since: ${other.id} is ${other.state}`,
    hint: "Retry that one, if it fails",
  });
}

function notFailed(upload: Upload, state: string): AppError {
  return new AppError({
    kind: "conflict",
    code: "RETRY_NOT_FAILED",
    message: `nothing of upload ${upload.id} has failed: it is ${state}`,
    hint:
      state === "rejected" ? "What was rejected was never accepted: correct it and upload it again" : "There is nothing to retry",
  });
}
