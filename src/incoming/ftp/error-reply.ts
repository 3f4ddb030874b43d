import { AppError, type Logger } from "../../runtime/index.ts";
import { type FtpReply, reply } from "./reply.ts";

/**
 * 4xx wherever the file is worth sending again: dput-ng goes on to the next file after a 5xx and then calls the upload a
 * success; dput does so after a 553.
 */
export function replyToError(error: unknown, { logger, peer }: { logger: Logger; peer: string }): FtpReply {
  if (!(error instanceof AppError)) {
    logger.error("an FTP command failed", { error, peer });
    return reply(451, "Something went wrong here; the administrator has been told");
  }

  logger.warn("FTP command refused", { error, code: error.code, peer });
  return reply(REPLY_CODES[error.code] ?? 451, error.message);
}

const REPLY_CODES: Readonly<Record<string, number>> = {
  UPLOAD_FILE_NAME_INVALID: 553,
  UPLOAD_FILE_TOO_LARGE: 552,
  UPLOAD_QUARANTINE_FULL: 452,
  UPLOAD_DISK_RESERVE: 452,
  UPLOAD_DISK_FULL: 452,
  UPLOAD_PEER_BUSY: 450,
  UPLOAD_TRANSFER_CUT: 426,
  FTP_DATA_CONNECTION: 425,
};
