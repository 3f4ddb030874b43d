import type { Transaction } from "../database/index.ts";
import { type EventData, recordEvent } from "../events/index.ts";
import { enqueueOutlook } from "../farm/index.ts";
import type { Problem } from "../rules/index.ts";
import { assert } from "../runtime/index.ts";
import type { AutoPorts } from "./made-sources/auto-ports.ts";
import { isEnd, UPLOAD_STATES, type UploadState } from "./states.ts";
import type { Upload } from "./upload.ts";

/** What a step found out about its upload. */
export type UploadOutcome =
  | { readonly type: "check-started" }
  | {
      readonly type: "accepted";
      readonly signerFingerprint: string | undefined;
      readonly architectures: readonly string[];
      /** Of the upload, not used: for the note in the event. */
      readonly unusedFiles: readonly string[];
    }
  | { readonly type: "rejected"; readonly problems: readonly Problem[] }
  | { readonly type: "retried"; readonly by: string; readonly builds: readonly string[] }
  | { readonly type: "builds-passed" }
  | { readonly type: "failed"; readonly problems: readonly Problem[] }
  | { readonly type: "installed"; readonly autoPorts: AutoPorts };

const STATE_AFTER = {
  "check-started": "checking",
  accepted: "building",
  retried: "building",
  rejected: "rejected",
  "builds-passed": "installing",
  failed: "failed",
  installed: "installed",
} as const satisfies Record<UploadOutcome["type"], UploadState>;

/** What people and the original's clients hear. */
const PUBLIC_EVENT = { accepted: "PACKAGING", rejected: "REJECTED", failed: "FAILED", installed: "INSTALLED" } as const;

/**
 * The only place that changes an upload's state: row and events in the caller's transaction, which also enqueues the
 * next job. The row is read again here: returns false, with nothing changed, when the upload is not (or no longer) in a
 * state that this outcome leaves, so that a step that runs twice has no effect the second time.
 */
export async function advance(tx: Transaction, upload: Upload, outcome: UploadOutcome): Promise<boolean> {
  const { state: from } = await tx.selectFrom("uploads").select("state").where("id", "=", upload.id).executeTakeFirstOrThrow();
  const to = STATE_AFTER[outcome.type];
  const successors: readonly UploadState[] = UPLOAD_STATES[from as UploadState];
  assert(successors !== undefined, `upload ${upload.id} has the unknown state ${from}`);
  if (!successors.includes(to)) return false;

  await tx
    .updateTable("uploads")
    .set({
      state: to,
      ended_at: isEnd(to) ? tx.now().toISOString() : null,
      ...(outcome.type === "retried" ? { problems: "[]" } : {}),
      // Anybody can have uploads refused: what nobody reads any more is not kept.
      ...(outcome.type === "rejected" ? { changes_text: "" } : {}),
      ...("problems" in outcome ? { problems: JSON.stringify(outcome.problems) } : {}),
      ...(outcome.type === "accepted" ? { signer_fingerprint: outcome.signerFingerprint ?? null } : {}),
    })
    .where("id", "=", upload.id)
    .execute();

  await recordStateEvents(tx, { upload, from, to, outcome });
  // Builds that wait say what is on its way.
  if (["building", "failed"].includes(to)) await enqueueOutlook(tx);
  return true;
}

async function recordStateEvents(
  tx: Transaction,
  change: { upload: Upload; from: string; to: UploadState; outcome: UploadOutcome },
): Promise<void> {
  const { upload, from, to, outcome } = change;
  const about = { uploadId: upload.id, distribution: upload.distribution, source: upload.source, version: upload.version };
  const data = outcome.type === "retried" ? { from, to, by: outcome.by, builds: outcome.builds } : { from, to };
  await recordEvent(tx, { ...about, type: "upload-state", data });

  if (outcome.type === "check-started" || outcome.type === "retried" || outcome.type === "builds-passed") return;
  await recordEvent(tx, { ...about, type: PUBLIC_EVENT[outcome.type], architecture: "source", data: eventData(outcome) });
}

function eventData(outcome: Extract<UploadOutcome, { type: keyof typeof PUBLIC_EVENT }>): EventData {
  if (outcome.type === "accepted") return acceptedData(outcome);
  if ("problems" in outcome)
    return { error: outcome.problems.map((problem) => problem.message).join("; "), problems: outcome.problems };
  return Object.keys(outcome.autoPorts).length === 0 ? {} : { autoPorts: outcome.autoPorts };
}

function acceptedData({ architectures, unusedFiles }: Extract<UploadOutcome, { type: "accepted" }>): EventData {
  if (unusedFiles.length === 0) return { architectures };
  return { architectures, note: `binary packages of the upload are not used, they are built here: ${unusedFiles.join(", ")}` };
}
