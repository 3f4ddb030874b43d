import {
  type Archive,
  compareHistory,
  findPoint,
  listSnapshots,
  requestPeriodicSnapshots,
  resignDistributions,
  SNAPSHOT_JOB,
  type SnapshotId,
} from "../archive/index.ts";
import type { Database } from "../database/index.ts";
import type { HistoryActs } from "../handlers/index.ts";
import { schedule } from "../queue/index.ts";
import type { Foundation } from "./foundation.ts";

const PERIODIC_SNAPSHOTS_JOB = "periodic-snapshots";
const RESIGN_JOB = "resign";
const RETENTION_JOB = "retention";
const HOUR_MS = 60 * 60 * 1000;

/** What operations ask of the archive's history. */
export function constructHistory({ database, clock }: Foundation, archive: Archive): HistoryActs {
  const db = database.read;
  return {
    listSnapshots: (distribution) => listSnapshots(db, distribution),
    createSnapshot: (id, by) => archive.namedSnapshots.create({ ...id, kind: "manual", by }),
    deleteSnapshot: (id, by) => archive.namedSnapshots.delete(id, by),
    compare: async (distribution, points) => {
      const from = await findPoint(db, distribution, points.from, clock.now());
      const to = await findPoint(db, distribution, points.to, clock.now());
      return { from, to, differences: await compareHistory(db, distribution, { from, to }) };
    },
    previewRetention: () => archive.retention.preview(),
    applyRetention: () => archive.retention.apply(),
    startVerification: (options) => {
      archive.verification.start(options);
      return archive.verification.status;
    },
    verificationStatus: () => archive.verification.status,
  };
}

/** Snapshots are written and deleted, made by the calendar, and what is kept no longer goes. */
export function registerHistoryJobs({ jobs, database, logger }: Foundation, archive: Archive): void {
  jobs.register<SnapshotId>(SNAPSHOT_JOB, (id) => archive.namedSnapshots.settle(id));
  jobs.register(PERIODIC_SNAPSHOTS_JOB, async () => {
    for (const id of await requestPeriodicSnapshots(database)) await archive.namedSnapshots.settle(id);
  });
  jobs.register(RESIGN_JOB, async () => {
    await database.transaction(async (tx) => resignDistributions(tx));
  });
  jobs.register(RETENTION_JOB, async () => {
    const { leaving, forgotten, ...counts } = await archive.retention.apply();
    if (leaving.length + forgotten.length + counts.files === 0) return;
    logger.info("retention applied", { leavingCount: leaving.length, forgottenCount: forgotten.length, ...counts });
  });
}

export async function scheduleHistoryJobs(database: Database): Promise<void> {
  await database.transaction(async (tx) => {
    await schedule(tx, { name: PERIODIC_SNAPSHOTS_JOB, kind: PERIODIC_SNAPSHOTS_JOB, payload: null, intervalMs: HOUR_MS });
    await schedule(tx, { name: RESIGN_JOB, kind: RESIGN_JOB, payload: null, intervalMs: HOUR_MS });
    await schedule(tx, { name: RETENTION_JOB, kind: RETENTION_JOB, payload: null, intervalMs: 24 * HOUR_MS });
  });
}
