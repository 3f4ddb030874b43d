import {
  compareHistory,
  findPoint,
  listSnapshots,
  type RetentionReport,
  requestSnapshot,
  requestSnapshotDeletion,
  type VerificationStatus,
} from "../../src/archive/index.ts";
import type { Database } from "../../src/database/index.ts";
import type { HistoryActs } from "../../src/handlers/index.ts";
import { systemClock } from "../../src/runtime/index.ts";

const NOTHING: RetentionReport = {
  leaving: [],
  forgotten: [],
  sourcePackages: 0,
  binaryPackages: 0,
  files: 0,
  freedBytes: 0,
};

const WHOLE: VerificationStatus = {
  state: "done",
  isRepairing: false,
  startedAt: undefined,
  endedAt: undefined,
  filesDone: 0,
  bytesDone: 0,
  filesTotal: 0,
  findingCount: 0,
  repairedCount: 0,
  findings: [],
  problem: undefined,
};

/** Rows only: nothing is written to the disk, so snapshots stay pending. */
export function makeHistory(database: Database): HistoryActs {
  const db = database.read;
  return {
    listSnapshots: (distribution) => listSnapshots(db, distribution),
    createSnapshot: (id, by) => database.transaction((tx) => requestSnapshot(tx, { ...id, kind: "manual", by })),
    deleteSnapshot: (id, by) => database.transaction((tx) => requestSnapshotDeletion(tx, id, by)),
    compare: async (distribution, points) => {
      const from = await findPoint(db, distribution, points.from, systemClock.now());
      const to = await findPoint(db, distribution, points.to, systemClock.now());
      return { from, to, differences: await compareHistory(db, distribution, { from, to }) };
    },
    previewRetention: () => Promise.resolve(NOTHING),
    applyRetention: () => Promise.resolve(NOTHING),
    startVerification: ({ isRepairing }) => ({ ...WHOLE, isRepairing }),
    verificationStatus: () => WHOLE,
  };
}
