import type { Upload } from "../upload.ts";

/** Of uploads that stand for a binNMU: nothing was sent, their source is in the archive. No door for others has this name. */
export const REBUILD_CHANNEL = "rebuild";

export function isRebuild(upload: Pick<Upload, "channel">): boolean {
  return upload.channel === REBUILD_CHANNEL;
}
