import { readdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Build, buildOfRow } from "./build.ts";
import { compressLog } from "./build-log-file.ts";
import { buildDirectory, buildLogPath } from "./build-paths.ts";
import { LIVE_BUILD_STATES } from "./build-states.ts";
import type { FarmContext } from "./farm-context.ts";

/** A build tidies up after itself; only a crash leaves something. The daemon is not away for longer than this unnoticed. */
const LOOK_BACK_MS = 7 * 24 * 60 * 60 * 1000;

/**
 * After a crash: remove from the directories of ended builds what is neither log nor result (scratch files, results
 * of an attempt that was lost), and compress the logs. Never throws: what is left does no harm but take space.
 */
export async function tidyEndedBuilds(farm: FarmContext, signal: AbortSignal): Promise<void> {
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
      await tidyBuild(farm, buildOfRow(row, []));
    }
  } catch (error) {
    logger.warn("the directories of ended builds could not be tidied", { error });
  }
}

async function tidyBuild(farm: FarmContext, build: Build): Promise<void> {
  const directory = buildDirectory(farm, build.id);
  const logPath = buildLogPath(farm, build);
  const logName = basename(logPath);
  const { files = [], products = [] } = build.result ?? {};
  const kept = new Set([logName, `${logName}.gz`, ...[...files, ...products].map(({ name }) => name)]);

  for (const name of await readdir(directory).catch(() => [])) {
    if (!kept.has(name)) await rm(join(directory, name), { recursive: true, force: true });
  }
  await compressLog(logPath);
}
