/**
 * incoming: takes files from outside and makes complete deliveries of them. It owns the table `quarantine_files` and the
 * directory HOME/quarantine.
 *
 * Terms. A *delivery* is a .changes with its files on their way in; complete, it becomes an *upload*, which is the
 * packager's. *Quarantine* keeps finished files by id, name and hash. A .changes *claims* the files whose size and
 * SHA-256 fit. A *channel* is a protocol (ftp, ftps, http, https, sftp), a *peer* the address a file came from.
 *
 * The way of a file: a protocol asks the `UploadQuota`, streams into an intake of the `Quarantine`, and gets a receipt
 * when bytes and row are durable; only then does it answer the client. Settled receipts wake the `DeliveryWorker`, which
 * runs `acceptDelivery` for each .changes, the one place where both protocols meet.
 *
 * Invariants.
 * - Nothing of a partial transfer stays, and nothing is acted on inside a protocol's callback.
 * - Files are only ever matched by name and hash: senders cannot see, replace or remove each other's files.
 * - Every .changes that came in becomes an upload or an event that says why not; so does every file that no .changes
 *   lists. Row and outcome change in one transaction, so a crash repeats or continues, and loses nothing.
 * - Uploads never eat the disk reserve; a full disk refuses uploads and ends nothing.
 */

export type { DeliveryContext } from "./accept-delivery.ts";
export type { UploadChannel } from "./channel.ts";
export { DeliveryWorker } from "./delivery-worker.ts";
export type { FtpEncryption } from "./ftp/encryption.ts";
export { FtpServer, type FtpServerOptions } from "./ftp/server.ts";
export { createPutHandler, type PutHandlerOptions, type UploadHandler } from "./http/put.ts";
export { type Intake, type IntakeRequest, Quarantine, type QuarantineOptions, type Receipt } from "./quarantine.ts";
export { openSshHostKey, type SshHostKey } from "./sftp/host-key.ts";
export { SftpServer, type SftpServerOptions } from "./sftp/server.ts";
export { UploadQuota, type UploadQuotaLimits } from "./upload-quota.ts";
export type { DeliveredFile, Delivery, ReceivedUpload, UploadReceiver } from "./upload-receiver.ts";
