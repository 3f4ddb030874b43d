import { readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeDirectory } from "../runtime/index.ts";
import { scratchDirectory } from "./made-sources/make-source.ts";
import type { PackagerContext } from "./packager-context.ts";
import type { Upload } from "./upload.ts";
import { stagingPath, uploadPath } from "./upload-paths.ts";

/** Nothing leaves files behind but a crash, and the daemon is not away for longer than this unnoticed. */
const LOOK_BACK_MS = 7 * 24 * 60 * 60 * 1000;

/** After a crash, before uploads are taken: remove files of deliveries that never became uploads, and of rejected uploads. */
export async function sweepUploads(context: PackagerContext): Promise<void> {
  await sweepStaging(context);
  await rm(scratchDirectory(context, undefined), { recursive: true, force: true });

  const since = new Date(context.farm.clock.now().getTime() - LOOK_BACK_MS).toISOString();
  const rejected = await context.database.read
    .selectFrom("uploads")
    .select("id")
    .where("state", "=", "rejected")
    .where("ended_at", ">", since)
    .execute();
  for (const { id } of rejected) await removeRejected(context, id);
}

/** What was refused is never needed again; its reasons are in the row. */
export async function removeRejected(context: Pick<PackagerContext, "farm">, uploadId: string): Promise<void> {
  await rm(dirname(uploadPath(context, uploadId)), { recursive: true, force: true });
}

/**
 * Begin to remove the files of an upload whose check could not be done, wherever they are; for `afterCommit`. What is
 * left after an error goes at the next start. Staging is moved away first: the same .changes may come in again now.
 */
export function discardUpload(context: PackagerContext, upload: Pick<Upload, "id" | "changesSha256">): void {
  const staging = stagingPath(context, upload.changesSha256);
  const discarded = `${staging}.discarded`;
  rename(staging, discarded)
    .catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    })
    .then(() => rm(discarded, { recursive: true, force: true }))
    .then(() => removeRejected(context, upload.id))
    .catch((error: unknown) => context.logger.warn("files of a rejected upload not removed", { uploadId: upload.id, error }));
}

async function sweepStaging(context: PackagerContext): Promise<void> {
  const root = stagingPath(context, ".");
  await makeDirectory(root);
  const waiting = await context.database.read
    .selectFrom("uploads")
    .select("changes_sha256")
    .where("state", "in", ["received", "checking"])
    .execute();
  const wanted = new Set(waiting.map((row) => row.changes_sha256));
  for (const name of await readdir(root)) {
    if (!wanted.has(name)) await rm(join(root, name), { recursive: true, force: true });
  }
}
