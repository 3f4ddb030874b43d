import { buildOfRow } from "./build.ts";
import { compressLog } from "./build-log-file.ts";
import { buildLogPath } from "./build-paths.ts";
import { LIVE_BUILD_STATES } from "./build-states.ts";
import type { FarmContext } from "./farm-context.ts";

/** Logs are compressed when a build ends; those of builds that a crash ended, after it. */
const LOOK_BACK_MS = 7 * 24 * 60 * 60 * 1000;

/** Compress the logs that a crash left. Never throws: a plain log is as good to read. */
export async function keepEndedLogs(farm: FarmContext, signal: AbortSignal): Promise<void> {
  const { database, clock, logger } = farm;
  try {
    const rows = await database.read
      .selectFrom("builds")
      .selectAll()
      .where("state", "not in", LIVE_BUILD_STATES)
      .where("ended_at", ">", new Date(clock.now().getTime() - LOOK_BACK_MS).toISOString())
      .execute();
    for (const row of rows) {
      if (signal.aborted) return;
      await compressLog(buildLogPath(farm, buildOfRow(row, [])));
    }
  } catch (error) {
    logger.warn("a log could not be compressed", { error });
  }
}
