import type { Database } from "../database/index.ts";
import { purgeDeliveryEvents } from "../events/index.ts";
import { purgeRejectedUploads } from "../packager/index.ts";
import { schedule, TableQueue } from "../queue/index.ts";
import type { Testbeds } from "../testbed/index.ts";
import type { Foundation } from "./foundation.ts";

const EVICT_LAYERS_JOB = "evict-layers";
const PURGE_JOBS_JOB = "purge-jobs";
const PURGE_REJECTED_JOB = "purge-rejected";
const HOUR_MS = 60 * 60 * 1000;

/** What is kept for speed or for looking back, and is of no use any more, goes. */
export function registerHousekeeping(foundation: Foundation, testbeds: Testbeds | undefined): void {
  const { jobs, database, clock, logger, config } = foundation;
  const { layerUnusedMsMax, endedJobAgeMsMax, rejectedUploadAgeMsMax } = config.limits;

  jobs.register(EVICT_LAYERS_JOB, async () => {
    const evicted = (await testbeds?.evict({ unusedForMs: layerUnusedMsMax })) ?? [];
    if (evicted.length > 0) logger.info("unused layers removed", { layers: evicted });
  });
  jobs.register(PURGE_JOBS_JOB, async () => {
    const endedBefore = new Date(clock.now().getTime() - endedJobAgeMsMax);
    await database.transaction((tx) => new TableQueue(database, clock).purge(tx, endedBefore));
  });
  jobs.register(PURGE_REJECTED_JOB, async () => {
    const before = new Date(clock.now().getTime() - rejectedUploadAgeMsMax);
    const uploadCount = await purgeRejectedUploads(database, before);
    const deliveryCount = await purgeDeliveryEvents(database, before);
    if (uploadCount + deliveryCount > 0) logger.info("old rejections forgotten", { uploadCount, deliveryCount });
  });
}

export async function scheduleHousekeeping(database: Database): Promise<void> {
  await database.transaction(async (tx) => {
    for (const kind of [EVICT_LAYERS_JOB, PURGE_JOBS_JOB, PURGE_REJECTED_JOB]) {
      await schedule(tx, { name: kind, kind, payload: null, intervalMs: 6 * HOUR_MS });
    }
  });
}
