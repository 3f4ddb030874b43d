import type { Database } from "../database/index.ts";
import { schedule } from "../queue/index.ts";
import type { Testbeds } from "../testbed/index.ts";
import type { Foundation } from "./foundation.ts";

const REFRESH_BASES_JOB = "refresh-bases";
const REFRESH_INTERVAL_MS = 6 * 60 * 60 * 1000;
/** A base that nothing has used for this long is not kept up to date: who wants it next gets upgrades in a layer above. */
const USED_WITHIN_MS = 14 * 24 * 60 * 60 * 1000;

/** Base layers are made again in the background when their archives have newer versions of what is in them. */
export function registerBaseRefresh({ jobs, clock, logger }: Foundation, testbeds: Testbeds | undefined): void {
  jobs.register(REFRESH_BASES_JOB, async (_payload, { signal }) => {
    const usedAfter = new Date(clock.now().getTime() - USED_WITHIN_MS);
    const onProgress = (progress: string): void => logger.info("making a base layer again", { progress });
    const refreshed = (await testbeds?.refreshBaseLayers({ usedAfter, signal, onProgress })) ?? [];
    for (const { outcome, error, ...base } of refreshed) {
      if (outcome === "remade") logger.info("base layer made again", base);
      if (outcome === "failed") logger.warn("base layer not looked at: it is tried again", { ...base, error });
    }
  });
}

export async function scheduleBaseRefresh(database: Database): Promise<void> {
  await database.transaction(async (tx) => {
    await schedule(tx, { name: REFRESH_BASES_JOB, kind: REFRESH_BASES_JOB, payload: null, intervalMs: REFRESH_INTERVAL_MS });
  });
}
