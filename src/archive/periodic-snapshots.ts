import type { Kysely } from "kysely";
import type { Database, Schema, Transaction } from "../database/index.ts";
import { type DistributionSettings, parseSettings } from "./distribution-settings.ts";
import { holdsPackages } from "./list-packages.ts";
import {
  listSnapshots,
  type NamedSnapshot,
  requestSnapshot,
  requestSnapshotDeletion,
  SNAPSHOT_KINDS,
  type SnapshotId,
  type SnapshotKind,
} from "./snapshot-state.ts";

/** How many snapshots of each kind stay; 0: none are made. */
export interface PeriodicSnapshots {
  readonly weekly: number;
  readonly monthly: number;
  readonly yearly: number;
}

type PeriodicKind = Exclude<SnapshotKind, "manual">;

/** For the record, in place of somebody's name. */
const SCHEDULE = "the schedule";

/**
 * Decide on the snapshots that are due: the first one of a distribution in each week (from Monday), month and year,
 * UTC; and on deleting those of its kinds that are too many. Call it every now and then: what was missed is made up for
 * once. Returns all snapshots whose state asks for something.
 */
export async function requestPeriodicSnapshots(database: Database): Promise<SnapshotId[]> {
  const rows = await database.read.selectFrom("distributions").select(["settings", "created_at"]).orderBy("name").execute();
  for (const row of rows) {
    const settings = parseSettings(row.settings);
    const wanted = settings.snapshots;
    if (wanted === undefined || settings.rollbackOf !== undefined || !(await holdsPackages(database.read, settings.name)))
      continue;
    await database.transaction((tx) => requestForDistribution(tx, { settings, wanted, createdAt: new Date(row.created_at) }));
  }
  return listUnsettledSnapshots(database.read);
}

interface Candidate {
  readonly settings: DistributionSettings;
  readonly wanted: PeriodicSnapshots;
  readonly createdAt: Date;
}

async function requestForDistribution(tx: Transaction, { settings, wanted, createdAt }: Candidate): Promise<void> {
  const distribution = settings.name;
  const all = await listSnapshots(tx, distribution);
  for (const kind of SNAPSHOT_KINDS.filter((candidate): candidate is PeriodicKind => candidate !== "manual")) {
    const oldestFirst = all.filter((snapshot) => snapshot.kind === kind);
    const last = oldestFirst.at(-1)?.createdAt ?? createdAt;
    const isDue = wanted[kind] > 0 && startOfPeriod(kind, tx.now()) > startOfPeriod(kind, last);
    const name = periodicName(kind, tx.now());
    if (isDue && !all.some((snapshot) => snapshot.name === name)) {
      await requestSnapshot(tx, { distribution, name, kind, by: SCHEDULE });
    }
    const staying = wanted[kind] - (isDue ? 1 : 0);
    for (const old of tooMany(oldestFirst, staying)) await requestSnapshotDeletion(tx, old, SCHEDULE);
  }
}

function tooMany(oldestFirst: readonly NamedSnapshot[], staying: number): readonly NamedSnapshot[] {
  return oldestFirst.slice(0, Math.max(0, oldestFirst.length - staying));
}

/** As the original's: WEEKLY_2026-11-22T13:44 */
function periodicName(kind: PeriodicKind, now: Date): string {
  return `${kind.toUpperCase()}_${now.toISOString().slice(0, 16)}`;
}

export function startOfPeriod(kind: PeriodicKind, date: Date): Date {
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  const daysSinceMonday = (date.getUTCDay() + 6) % 7;
  if (kind === "weekly") return new Date(Date.UTC(year, month, day - daysSinceMonday));
  return new Date(Date.UTC(year, kind === "monthly" ? month : 0, 1));
}

async function listUnsettledSnapshots(db: Kysely<Schema>): Promise<SnapshotId[]> {
  return db.selectFrom("snapshots").select(["distribution", "name"]).where("state", "!=", "kept").orderBy("created_at").execute();
}
