import { link, rm } from "node:fs/promises";
import { join } from "node:path";
import { listSourceVersions } from "../../archive/index.ts";
import { findDscEntry, parseChanges, parseDsc, readControlFile } from "../../formats/index.ts";
import { type Problem, parseUploadOptions } from "../../rules/index.ts";
import { assert, makeDirectory, syncDirectory, writeFileAtomically } from "../../runtime/index.ts";
import { checkDistribution } from "../check-distribution.ts";
import type { AcceptedUpload, Verdict } from "../judge-upload.ts";
import type { PackagerContext, Reader } from "../packager-context.ts";
import type { Upload } from "../upload.ts";
import { stagingPath, uploadPath } from "../upload-paths.ts";
import { sourceGone } from "./order-binnmu.ts";

/**
 * Links to the files of the source from the content store, where those of a delivery would wait. May be called again. What
 * was removed since is found missing by `judgeRebuild`.
 */
export async function stageRebuild(context: PackagerContext, upload: Upload): Promise<void> {
  const path = stagingPath(context, upload.changesSha256);
  await rm(path, { recursive: true, force: true });
  await makeDirectory(path);
  // Beside its files, as that of a delivery.
  await writeFileAtomically(join(path, upload.changesName), Buffer.from(upload.changesText));
  for (const { name, sha256 } of parseChanges(upload.changesText, upload.changesName).files) {
    await link(context.archive.contentStore.pathOf(sha256), join(path, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
  }
  await syncDirectory(path);
}

/** Whether the binNMU can still be built, and from what. Nothing of it came from outside. */
export async function judgeRebuild(context: PackagerContext, upload: Upload): Promise<Verdict> {
  const changes = parseChanges(upload.changesText, upload.changesName);
  const { target, problems } = checkDistribution(context.catalog(), upload.distribution);
  if (target === undefined || problems.length > 0) return { type: "rejected", problems };
  const gone = await checkSourceThere(context.database.read, changes);
  if (gone.length > 0) return { type: "rejected", problems: gone };

  const architectures = target.architectures.map(({ name }) => name);
  const unbuilt = changes.architectures.filter((name) => !architectures.includes(name));
  if (unbuilt.length > 0) return { type: "rejected", problems: [notBuilt(upload, unbuilt)] };

  const dscEntry = findDscEntry(changes);
  assert(dscEntry !== undefined, `${upload.id} has no .dsc`);
  const dsc = parseDsc(await readControlFile(join(uploadPath(context, upload.id), dscEntry.name), dscEntry.name), dscEntry.name);
  return {
    type: "accepted",
    upload,
    changes,
    target,
    dsc,
    dscName: dscEntry.name,
    dscSha256: dscEntry.sha256,
    options: parseUploadOptions(changes.changes, architectures).options,
    signerFingerprint: undefined,
    unusedFiles: [],
    isBinNmu: true,
  };
}

/** In the transaction that accepts it: the source may have left meanwhile. */
export function checkRebuildRivals(tx: Reader, { changes }: AcceptedUpload): Promise<Problem[]> {
  return checkSourceThere(tx, changes);
}

export async function checkSourceThere(
  db: Reader,
  {
    source,
    sourceVersion,
    distribution,
  }: { readonly source: string; readonly sourceVersion: string; readonly distribution: string },
): Promise<Problem[]> {
  const there = await listSourceVersions(db, source, [distribution]);
  if (there.some(({ version }) => version === sourceVersion)) return [];

  const { code, message, hint } = sourceGone({ name: source, version: sourceVersion });
  return [{ code, message, hint }];
}

function notBuilt({ distribution }: Upload, architectures: readonly string[]): Problem {
  return {
    code: "ARCHITECTURE_UNKNOWN",
    message: `${distribution} has no architecture ${architectures.join(", ")} any more`,
    hint: "Rebuild it for those that it has",
  };
}
