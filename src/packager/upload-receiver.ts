import { link, rm } from "node:fs/promises";
import { join } from "node:path";
import { listSourceVersions } from "../archive/index.ts";
import type { Transaction } from "../database/index.ts";
import { parseChanges } from "../formats/index.ts";
import { makeDirectory, syncDirectory, writeFileAtomically } from "../runtime/index.ts";
import type { PackagerContext, Reader } from "./packager-context.ts";
import { receiveUploadRow } from "./receive-upload-row.ts";
import { LIVE_UPLOAD_STATES } from "./states.ts";
import { stagingPath } from "./upload-paths.ts";

/** A .changes with all its files, as module incoming hands it over. Sizes and SHA-256 fit; nothing else is checked. */
export interface IncomingDelivery {
  readonly changesName: string;
  readonly changesBytes: Buffer;
  readonly changesSha256: string;
  readonly files: readonly {
    readonly name: string;
    readonly sizeBytes: number;
    readonly sha256: string;
    readonly quarantinePath: string;
  }[];
  readonly channel: string;
  readonly peer: string;
}

/** Turns complete deliveries into uploads. */
export class UploadReceiver {
  readonly #context: PackagerContext;

  constructor(context: PackagerContext) {
    this.#context = context;
  }

  /**
   * The upload that this very .changes became before, while it is in progress or its version is still in the
   * repository. What was removed since may be tried again, and is then refused with the reason.
   */
  async findAcceptedUpload(db: Reader, changesSha256: string): Promise<string | undefined> {
    const rows = await db
      .selectFrom("uploads")
      .select(["id", "state", "source", "version", "distribution"])
      .where("changes_sha256", "=", changesSha256)
      .where("state", "in", [...LIVE_UPLOAD_STATES, "installed"])
      .orderBy("received_at", "desc")
      .execute();
    for (const row of rows) if (row.state !== "installed" || (await this.#isStillThere(db, row))) return row.id;
    return undefined;
  }

  /** Hard-link the files to where they wait for the check; durable on return. May be called again. */
  async stageUpload(delivery: IncomingDelivery): Promise<void> {
    const path = stagingPath(this.#context, delivery.changesSha256);
    await rm(path, { recursive: true, force: true });
    await makeDirectory(path);
    await writeFileAtomically(join(path, delivery.changesName), delivery.changesBytes);
    for (const file of delivery.files) await link(file.quarantinePath, join(path, file.name));
    await syncDirectory(path);
    await syncDirectory(join(path, ".."));
  }

  /** The upload as a row, its first event and its first job. */
  async receiveUpload(tx: Transaction, delivery: IncomingDelivery): Promise<{ uploadId: string }> {
    const { changesName, changesBytes, changesSha256, files, channel, peer } = delivery;
    const changes = parseChanges(changesBytes, changesName);
    // A meta-distribution ("unstable") is the short name of one of ours: from here on it has its full one.
    const distribution = this.#context.catalog().findDistribution(changes.distribution)?.name ?? changes.distribution;
    const changesText = changesBytes.toString("utf8");
    const uploadId = await receiveUploadRow(tx, {
      changes,
      distribution,
      changesName,
      changesText,
      changesSha256,
      channel,
      peer,
      files,
    });
    return { uploadId };
  }

  async #isStillThere(db: Reader, upload: { source: string; version: string; distribution: string }): Promise<boolean> {
    const target = this.#context.catalog().findDistribution(upload.distribution);
    const versions = target === undefined ? [] : await listSourceVersions(db, upload.source);
    return versions.some((there) => there.repositoryId === target?.repositoryId && there.version === upload.version);
  }
}
