import type { BuildView } from "../operations/index.ts";
import { findBuildLog, logText, readLogTail } from "../views/index.ts";
import type { WebContext } from "./web-context.ts";

/** What a page shows of a log before JavaScript follows it. */
export interface ShownLog {
  readonly text: string;
  /** Following goes on here. */
  readonly endBytes: number;
  readonly isWhole: boolean;
}

const SHOWN_SIZE_BYTES_MAX = 32 * 1024;
/** Pages stay small: of many builds, only so many logs are shown; all are linked. */
const LOGS_SHOWN_MAX = 12;

/** The ends of the logs of builds that have one, by build. */
export async function loadLogTails(web: WebContext, builds: readonly BuildView[]): Promise<Map<string, ShownLog>> {
  const tails = new Map<string, ShownLog>();
  for (const build of builds.filter((candidate) => candidate.started_at !== null).slice(-LOGS_SHOWN_MAX)) {
    const { path } = await findBuildLog(web.context.views, build.id);
    const tail = await readLogTail(path, SHOWN_SIZE_BYTES_MAX);
    if (tail !== undefined)
      tails.set(build.id, { text: logText(tail.bytes), endBytes: tail.endBytes, isWhole: tail.startBytes === 0 });
  }
  return tails;
}
