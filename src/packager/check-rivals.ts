import type { Catalog } from "../catalog/index.ts";
import type { Transaction } from "../database/index.ts";
import { compareVersions, parseVersion } from "../formats/index.ts";
import type { Problem } from "../rules/index.ts";
import { checkVersion } from "./check-version.ts";
import type { AcceptedUpload } from "./judge-upload.ts";
import { LIVE_UPLOAD_STATES } from "./states.ts";

/**
 * What other uploads have done since this one was judged, or are about to do: asked in the transaction that accepts
 * it, so that of two uploads that exclude each other one is refused before it is built.
 */
export async function checkRivals(tx: Transaction, catalog: Catalog, accepted: AcceptedUpload): Promise<Problem[]> {
  const { changes, target, dscSha256 } = accepted;
  const installed = await checkVersion(tx, { changes, target, dscSha256 });
  return installed.length > 0 ? installed : checkInProgress(tx, catalog, accepted);
}

/** Accepted and not ended: the same version in this repository, or one that would be in front of ours in the distribution. */
async function checkInProgress(tx: Transaction, catalog: Catalog, { upload, target }: AcceptedUpload): Promise<Problem[]> {
  const rows = await tx
    .selectFrom("uploads")
    .select(["id", "version", "distribution"])
    .where("source", "=", upload.source)
    .where("state", "in", LIVE_UPLOAD_STATES)
    .where("state", "not in", ["received", "checking"])
    .where("id", "!=", upload.id)
    .orderBy("id")
    .execute();
  const rival = rows.find((row) => {
    const other = catalog.findDistribution(row.distribution);
    if (other?.repositoryId === target.repositoryId && row.version === upload.version) return true;
    return other?.name === target.name && compareVersions(parseVersion(row.version), parseVersion(upload.version)) >= 0;
  });
  return rival === undefined ? [] : [versionInProgress(upload, rival)];
}

function versionInProgress(upload: AcceptedUpload["upload"], rival: { id: string; version: string }): Problem {
  const notHigher = rival.version === upload.version ? "" : `, and ${upload.version} is not higher`;
  return {
    code: "VERSION_IN_PROGRESS",
    message: `${upload.source} ${rival.version} is being built already, from upload ${rival.id}${notHigher}`,
    hint: "Wait for that one to end, cancel its builds, or use a higher version",
  };
}
