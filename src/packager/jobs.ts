/** Kinds of job that this module handles; `conclude-builds` is enqueued by farm. */
export const CHECK_UPLOAD_JOB = "check-upload";
export const INSTALL_UPLOAD_JOB = "install-upload";

export interface UploadJob {
  readonly uploadId: string;
}
