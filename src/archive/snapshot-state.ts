import type { Kysely } from "kysely";
import type { Schema, Transaction } from "../database/index.ts";
import { recordEvent } from "../events/index.ts";
import { enqueue } from "../queue/index.ts";
import { AppError, assert } from "../runtime/index.ts";
import { loadDistribution } from "./distributions.ts";

/**
 * pending: decided; its indexes are to be written. kept: readers see it, in every generation. deleting: readers see it
 * no more, or soon; its files and then its row go. What it shows is protected from retention in all of them.
 */
export const SNAPSHOT_STATES = {
  pending: ["kept", "deleting"],
  kept: ["deleting"],
  deleting: [],
} as const satisfies Record<string, readonly string[]>;

export type SnapshotState = keyof typeof SNAPSHOT_STATES;

/** Who made it: somebody, or the schedule. */
export const SNAPSHOT_KINDS = ["manual", "weekly", "monthly", "yearly"] as const;
export type SnapshotKind = (typeof SNAPSHOT_KINDS)[number];

/** Does what a snapshot's state asks for; its payload is a SnapshotId. */
export const SNAPSHOT_JOB = "archive-snapshot";

export interface SnapshotId {
  readonly distribution: string;
  readonly name: string;
}

export interface NamedSnapshot extends SnapshotId {
  readonly state: SnapshotState;
  readonly kind: SnapshotKind;
  /** It shows the distribution as of this change. */
  readonly change: number;
  /** The Date of its Release file. */
  readonly releaseDate: Date;
  readonly createdAt: Date;
  readonly createdBy: string;
}

export interface SnapshotRequest extends SnapshotId {
  readonly kind: SnapshotKind;
  /** For the record. */
  readonly by: string;
}

/** As a file of an upload: what may stand in a path and in an address of APT's. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9+.~_:-]{0,99}$/;

/**
 * Keep what a distribution holds now under a name. Throws `invalid` SNAPSHOT_NAME_INVALID, `not-found`
 * DISTRIBUTION_UNKNOWN, `conflict` SNAPSHOT_EXISTS.
 */
export async function requestSnapshot(tx: Transaction, { distribution, name, kind, by }: SnapshotRequest): Promise<void> {
  if (!NAME.test(name)) throw nameInvalid(name);
  const { change } = await loadDistribution(tx, distribution);
  if ((await findSnapshot(tx, { distribution, name })) !== undefined) throw exists({ distribution, name });

  const now = tx.now();
  await tx
    .insertInto("snapshots")
    .values({
      distribution,
      name,
      state: "pending",
      kind,
      change,
      release_date: new Date(Math.floor(now.getTime() / 1000) * 1000).toISOString(),
      created_at: now.toISOString(),
      created_by: by,
    })
    .execute();
  await recordState(tx, { distribution, name }, { from: null, to: "pending", change, by });
}

/** Have a snapshot deleted. Throws `not-found` SNAPSHOT_UNKNOWN; one that is being deleted already is as good as gone. */
export async function requestSnapshotDeletion(tx: Transaction, id: SnapshotId, by: string): Promise<void> {
  const snapshot = await findSnapshot(tx, id);
  if (snapshot === undefined || snapshot.state === "deleting") throw unknown(id);
  await advanceSnapshot(tx, id, { from: snapshot.state, to: "deleting", by });
}

/** The only way from state to state. */
export async function advanceSnapshot(
  tx: Transaction,
  id: SnapshotId,
  { from, to, by }: { readonly from: SnapshotState; readonly to: SnapshotState; readonly by?: string },
): Promise<void> {
  const allowed: readonly string[] = SNAPSHOT_STATES[from];
  assert(allowed.includes(to), `snapshot ${id.name} of ${id.distribution} cannot become ${to} from ${from}`);
  await tx
    .updateTable("snapshots")
    .set({ state: to })
    .where("distribution", "=", id.distribution)
    .where("name", "=", id.name)
    .where("state", "=", from)
    .execute();
  await recordState(tx, id, { from, to, by });
}

/** The end of deletion: from now on the name is free, and what it showed protected no more. */
export async function forgetSnapshot(tx: Transaction, { distribution, name }: SnapshotId): Promise<void> {
  await tx
    .deleteFrom("snapshots")
    .where("distribution", "=", distribution)
    .where("name", "=", name)
    .where("state", "=", "deleting")
    .execute();
}

/** Of any state, deleting ones too. */
export async function findSnapshot(db: Kysely<Schema>, id: SnapshotId): Promise<NamedSnapshot | undefined> {
  const row = await db
    .selectFrom("snapshots")
    .selectAll()
    .where("distribution", "=", id.distribution)
    .where("name", "=", id.name)
    .executeTakeFirst();
  return row === undefined ? undefined : namedSnapshot(row);
}

/** Of a distribution, oldest first; without those that are being deleted. Throws `not-found` DISTRIBUTION_UNKNOWN. */
export async function listSnapshots(db: Kysely<Schema>, distribution: string): Promise<NamedSnapshot[]> {
  await loadDistribution(db, distribution);
  const rows = await db
    .selectFrom("snapshots")
    .selectAll()
    .where("distribution", "=", distribution)
    .where("state", "!=", "deleting")
    .orderBy("created_at")
    .orderBy("name")
    .execute();
  return rows.map(namedSnapshot);
}

function namedSnapshot(row: Schema["snapshots"]): NamedSnapshot {
  const { distribution, name, change } = row;
  return {
    distribution,
    name,
    change,
    state: row.state as SnapshotState,
    kind: row.kind as SnapshotKind,
    releaseDate: new Date(row.release_date),
    createdAt: new Date(row.created_at),
    createdBy: row.created_by,
  };
}

/** With its event, and with the job that does what the state asks for. */
async function recordState(tx: Transaction, id: SnapshotId, data: Readonly<Record<string, unknown>>): Promise<void> {
  await recordEvent(tx, { type: "snapshot-state", distribution: id.distribution, data: { name: id.name, ...data } });
  if (data["to"] === "kept") return;
  await enqueue(tx, { kind: SNAPSHOT_JOB, payload: id, dedupeKey: `snapshot:${id.distribution}/${id.name}` });
}

function nameInvalid(name: string): AppError {
  return new AppError({
    kind: "invalid",
    code: "SNAPSHOT_NAME_INVALID",
    message: `${JSON.stringify(name.slice(0, 120))} cannot be a snapshot's name`,
    hint: "Use up to 100 letters, digits and + . ~ _ : -, beginning with a letter or digit",
  });
}

function exists({ distribution, name }: SnapshotId): AppError {
  return new AppError({
    kind: "conflict",
    code: "SNAPSHOT_EXISTS",
    message: `${distribution} has a snapshot ${name} already`,
    hint: "Use another name, or delete that one first (mini-buildd snapshot-delete)",
    facts: { distribution, name },
  });
}

export function unknown({ distribution, name }: SnapshotId): AppError {
  return new AppError({
    kind: "not-found",
    code: "SNAPSHOT_UNKNOWN",
    message: `${distribution} has no snapshot ${name.slice(0, 100)}`,
    hint: `mini-buildd snapshot-ls ${distribution} lists them`,
    facts: { distribution, name },
  });
}
