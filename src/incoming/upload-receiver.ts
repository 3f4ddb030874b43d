import type { Database, Transaction } from "../database/index.ts";
import type { UploadChannel } from "./channel.ts";

export interface DeliveredFile {
  readonly name: string;
  readonly sizeBytes: number;
  /** Lower-case hex; has been compared to the .changes. */
  readonly sha256: string;
  readonly quarantinePath: string;
}

/** A .changes with all its files: whole, and every size and SHA-256 fits. Signature and contents are unchecked. */
export interface Delivery {
  readonly changesName: string;
  /** As it came, signature included. */
  readonly changesBytes: Buffer;
  readonly changesSha256: string;
  /** Without the .changes itself. */
  readonly files: readonly DeliveredFile[];
  readonly channel: UploadChannel;
  readonly peer: string;
}

export interface ReceivedUpload {
  readonly uploadId: string;
}

/** What takes complete deliveries: the packager. */
export interface UploadReceiver {
  /**
   * The upload that this very .changes has become before and that is in progress or installed: sending it again has no
   * effect. `undefined` when it may come in.
   */
  findAcceptedUpload(db: Database["read"] | Transaction, changesSha256: string): Promise<string | undefined>;

  /**
   * Outside of any transaction: hard-link the files to where the upload will keep them. Called again for the same
   * delivery after a crash or a failed transaction. The quarantine's own names are gone soon after `receiveUpload` has
   * committed.
   */
  stageUpload?(delivery: Delivery): Promise<void>;

  /**
   * Make it an upload, with its first job, in the transaction that also ends its time in quarantine. An AppError of kind
   * invalid, forbidden or conflict rejects the delivery with that reason; `unavailable` is tried again.
   */
  receiveUpload(tx: Transaction, delivery: Delivery): Promise<ReceivedUpload>;
}
