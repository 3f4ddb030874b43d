import { lstat } from "node:fs/promises";
import { systemClock } from "../runtime/index.ts";

/** Whether a file's name was made, or its link count changed, a short time ago: by the system's time, which files have. */
export async function isRecent(path: string, ageMsMin: number): Promise<boolean> {
  const stats = await lstat(path).catch(() => undefined);
  return stats === undefined || systemClock.now().getTime() - stats.ctimeMs < ageMsMin;
}
