/**
 * The states of an upload.
 *
 * - received: the .changes and all its files are complete and stored; job `check-upload` waits. Left when that job starts.
 * - checking: signature, permission, distribution, version and files are being judged. Left with a verdict.
 * - building: accepted; the farm has one build per architecture. Left when every build has ended.
 * - installing: every mandatory build passed; job `install-upload` puts the files into the archive.
 * - installed | rejected | failed: ends. Rejected: never accepted; failed: accepted, but not built or not installable.
 *   Failed is left again when somebody has it retried.
 *
 * A state added here also needs a label in web/labels and a look at the kill test, which reads this table.
 */
export const UPLOAD_STATES = {
  received: ["checking"],
  checking: ["building", "rejected"],
  building: ["installing", "failed"],
  installing: ["installed", "failed"],
  installed: [],
  rejected: [],
  failed: ["building"],
} as const satisfies Record<string, readonly string[]>;

export type UploadState = keyof typeof UPLOAD_STATES;

const ENDS: readonly UploadState[] = ["installed", "rejected", "failed"];

/** States in which an upload is still on its way. */
export const LIVE_UPLOAD_STATES = (Object.keys(UPLOAD_STATES) as UploadState[]).filter((state) => !ENDS.includes(state));

/** It stays there, unless somebody does something about it. */
export function isEnd(state: UploadState): boolean {
  return ENDS.includes(state);
}
