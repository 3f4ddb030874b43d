import type { Selectable } from "kysely";
import type { Database, Transaction, UploadsTable } from "../database/index.ts";
import { AppError } from "../runtime/index.ts";
import type { UploadState } from "./states.ts";

/** One attempt to bring a .changes in. */
export interface Upload {
  /** source/version/timecode */
  readonly id: string;
  readonly state: UploadState;
  readonly source: string;
  readonly version: string;
  /** As the .changes says; may not be one of ours. */
  readonly distribution: string;
  readonly timecode: string;
  readonly changesName: string;
  readonly changesSha256: string;
  /** The .changes as it came, signature included; empty once the upload is rejected. */
  readonly changesText: string;
  /** How it came in. */
  readonly channel: string;
}

export interface UploadFile {
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** Throws not-found UPLOAD_NOT_FOUND. */
export async function loadUpload(db: Database["read"] | Transaction, uploadId: string): Promise<Upload> {
  const row = await db.selectFrom("uploads").selectAll().where("id", "=", uploadId).executeTakeFirst();
  if (row !== undefined) return uploadOf(row);

  throw new AppError({
    kind: "not-found",
    code: "UPLOAD_NOT_FOUND",
    message: `there is no upload ${uploadId}`,
    hint: "`mini-buildd events` lists the latest uploads",
  });
}

export async function loadUploadFiles(db: Database["read"] | Transaction, uploadId: string): Promise<UploadFile[]> {
  const rows = await db.selectFrom("upload_files").selectAll().where("upload_id", "=", uploadId).orderBy("name").execute();
  return rows.map((row) => ({ name: row.name, sizeBytes: row.size_bytes, sha256: row.sha256 }));
}

export function uploadOf(row: Selectable<UploadsTable>): Upload {
  return {
    id: row.id,
    state: row.state as UploadState,
    source: row.source,
    version: row.version,
    distribution: row.distribution,
    timecode: row.timecode,
    changesName: row.changes_name,
    changesSha256: row.changes_sha256,
    changesText: row.changes_text,
    channel: row.channel,
  };
}
