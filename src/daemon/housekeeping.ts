import { type AccountsContext, purgeAccounts } from "../accounts/index.ts";
import { type Archive, sweepContent } from "../archive/index.ts";
import type { CatalogKeeper } from "../catalog/index.ts";
import type { Database } from "../database/index.ts";
import { purgeDeliveryEvents, purgeEvents } from "../events/index.ts";
import { giveUpOptionalBuilds, relieveBuildTrees } from "../farm/index.ts";
import { type PackagerContext, pruneFiles, purgeMadeSources, purgeRejectedUploads } from "../packager/index.ts";
import { schedule, TableQueue } from "../queue/index.ts";
import type { Testbeds } from "../testbed/index.ts";
import type { Foundation } from "./foundation.ts";

const MINUTE_MS = 60 * 1000;
const HOUR_MS = 60 * MINUTE_MS;

/** Each chore is a job of this name, and how often it runs. */
const CHORES = {
  "give-up-optional-builds": 5 * MINUTE_MS,
  "sweep-testbeds": 5 * MINUTE_MS,
  // Keyrings and the machine's APT change without a word.
  "refresh-catalog": HOUR_MS,
  "refresh-certificates": HOUR_MS,
  "evict-layers": 6 * HOUR_MS,
  "purge-jobs": 6 * HOUR_MS,
  "purge-rejected": 6 * HOUR_MS,
  "purge-events": 24 * HOUR_MS,
  "prune-files": 24 * HOUR_MS,
  "sweep-content": 24 * HOUR_MS,
  "purge-accounts": 24 * HOUR_MS,
} as const;

type Chore = keyof typeof CHORES;

export interface HousekeepingParts {
  readonly accounts: AccountsContext;
  readonly archive: Archive;
  readonly catalog: CatalogKeeper;
  readonly packager: PackagerContext;
  /** Absent where nothing is built. */
  readonly testbeds: Testbeds | undefined;
}

/** What nobody asks for: what is of no use any more goes, what waits in vain is given up, what may have changed is looked at. */
export function registerHousekeeping(foundation: Foundation, parts: HousekeepingParts): void {
  const { jobs, logger } = foundation;
  for (const [chore, work] of Object.entries(chores(foundation, parts))) {
    jobs.register(chore, async () => {
      const done = await work();
      if (Object.values(done).some((count) => count > 0)) logger.info("housekeeping", { chore, ...done });
    });
  }
}

/** How each is done; returns how many of what were removed or ended. */
function chores(
  { database, clock, config, certificates }: Foundation,
  { accounts, archive, catalog, packager, testbeds }: HousekeepingParts,
): Record<Chore, () => Promise<Readonly<Record<string, number>>>> {
  const { limits } = config;
  const before = (ageMs: number): Date => new Date(clock.now().getTime() - ageMs);
  return {
    "give-up-optional-builds": async () => ({
      builds: (await giveUpOptionalBuilds(packager.farm, limits.optionalBuildPatienceMs)).length,
    }),
    // Also what commands left that were killed.
    "sweep-testbeds": async () => ({ sessions: (await testbeds?.sweep())?.sessions ?? 0 }),
    "refresh-catalog": async () => {
      await catalog.refresh();
      return {};
    },
    "refresh-certificates": async () => ({ changed: await certificates.refresh() }),
    "evict-layers": async () => ({ layers: (await testbeds?.evict({ unusedForMs: limits.layerUnusedMsMax }))?.length ?? 0 }),
    "purge-jobs": async () => {
      const endedBefore = before(limits.endedJobAgeMsMax);
      await database.transaction((tx) => new TableQueue(database, clock).purge(tx, endedBefore));
      return {};
    },
    "purge-rejected": async () => {
      const endedBefore = before(limits.rejectedUploadAgeMsMax);
      const uploads = await purgeRejectedUploads(database, endedBefore);
      return { uploads, deliveryEvents: await purgeDeliveryEvents(database, endedBefore) };
    },
    "purge-events": async () => {
      const endedBefore = before(limits.eventAgeMsMax);
      return { events: await purgeEvents(database, endedBefore), madeSources: await purgeMadeSources(database, endedBefore) };
    },
    "prune-files": async () => {
      const ages = { filesBefore: before(limits.uploadFilesAgeMsMax), logsBefore: before(limits.buildLogAgeMsMax) };
      const isEnough = (sizeBytes: number): boolean => sizeBytes <= limits.buildTreesSizeBytesMax;
      const buildTrees = await relieveBuildTrees(packager.farm.buildsPath, isEnough);
      return { buildTrees, uploads: await pruneFiles(packager, ages) };
    },
    "purge-accounts": async () => {
      await purgeAccounts(accounts);
      return {};
    },
    "sweep-content": async () => ({ files: await sweepContent(database, { store: archive.contentStore, clock }) }),
  };
}

export async function scheduleHousekeeping(database: Database): Promise<void> {
  await database.transaction(async (tx) => {
    for (const [chore, intervalMs] of Object.entries(CHORES)) {
      await schedule(tx, { name: chore, kind: chore, payload: null, intervalMs });
    }
  });
}
