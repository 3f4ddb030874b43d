import type { Transaction } from "../database/index.ts";
import { recordEvent } from "../events/index.ts";
import type { Changes } from "../formats/index.ts";
import { enqueue } from "../queue/index.ts";
import { CHECK_UPLOAD_JOB } from "./jobs.ts";
import { newUploadId, timecodeOf } from "./timecode.ts";

export interface ReceivedUpload {
  readonly changes: Pick<Changes, "source" | "version">;
  readonly distribution: string;
  readonly changesName: string;
  readonly changesText: string;
  readonly changesSha256: string;
  readonly channel: string;
  readonly peer: string;
  readonly files: readonly { readonly name: string; readonly sizeBytes: number; readonly sha256: string }[];
}

/** An upload as a row, its first event and its first job. Returns its id. An upload begins nowhere else. */
export async function receiveUploadRow(tx: Transaction, received: ReceivedUpload): Promise<string> {
  const { changes, distribution, channel } = received;
  const { source, version } = changes;
  const uploadId = newUploadId(source, version, tx.now());
  await insertUpload(tx, uploadId, received);
  await recordEvent(tx, {
    type: "upload-state",
    uploadId,
    distribution,
    source,
    version,
    data: { from: null, to: "received", channel },
  });
  await enqueue(tx, { kind: CHECK_UPLOAD_JOB, payload: { uploadId }, dedupeKey: `${CHECK_UPLOAD_JOB} ${uploadId}` });
  return uploadId;
}

async function insertUpload(tx: Transaction, uploadId: string, received: ReceivedUpload): Promise<void> {
  await tx
    .insertInto("uploads")
    .values({
      id: uploadId,
      state: "received",
      source: received.changes.source,
      version: received.changes.version,
      distribution: received.distribution,
      timecode: timecodeOf(uploadId),
      changes_name: received.changesName,
      changes_sha256: received.changesSha256,
      changes_text: received.changesText,
      signer_fingerprint: null,
      channel: received.channel,
      peer: received.peer,
      problems: "[]",
      received_at: tx.now().toISOString(),
      ended_at: null,
    })
    .execute();
  for (const { name, sizeBytes, sha256 } of received.files) {
    await tx.insertInto("upload_files").values({ upload_id: uploadId, name, size_bytes: sizeBytes, sha256 }).execute();
  }
}
