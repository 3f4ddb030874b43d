import type { BuildOrder, BuildResult, StepReport } from "../buildorder/index.ts";
import type { BuildsTable, Transaction } from "../database/index.ts";
import { recordEvent } from "../events/index.ts";
import { AppError } from "../runtime/index.ts";
import { aboutBuild } from "./about-build.ts";
import { advance } from "./advance.ts";
import type { FarmContext } from "./farm-context.ts";
import { findNextBuild } from "./next-build.ts";

/**
 * The right to work on one attempt, until it expires. Each attempt is a row of its own, so the build id is the
 * fencing number: a report for an attempt that was lost or cancelled meanwhile is refused with BUILD_LEASE_LOST.
 */
export interface BuildLease {
  readonly buildId: string;
  readonly uploadId: string;
  readonly builder: string;
  readonly order: BuildOrder;
}

export interface ClaimRequest {
  /** Who asks; stays with the build. */
  readonly builder: string;
  readonly architectures: readonly string[];
}

/** Lease the waiting build that is next, if there is one. No two callers get the same. */
export async function claimBuild(farm: FarmContext, request: ClaimRequest): Promise<BuildLease | undefined> {
  const { database, clock, limits } = farm;
  // Asked often and mostly for nothing: look without holding up writers.
  const { architectures } = request;
  if ((await findNextBuild(database.read, { architectures, now: clock.now() })) === undefined) return undefined;

  return database.transaction(async (tx) => {
    const row = await findNextBuild(tx, { architectures, now: tx.now() });
    if (row === undefined) return undefined;

    const expiresAt = new Date(tx.now().getTime() + limits.buildLeaseMs);
    await advance(tx, limits, row, { type: "leased", builder: request.builder, expiresAt });
    return {
      buildId: row.id,
      uploadId: row.upload_id,
      builder: request.builder,
      order: JSON.parse(row.build_order) as BuildOrder,
    };
  });
}

/** Must come more often than `limits.buildLeaseMs`. Throws BUILD_LEASE_LOST. */
export async function renewLease(farm: FarmContext, lease: BuildLease): Promise<void> {
  await farm.database.transaction(async (tx) => {
    await loadLeased(tx, lease);
    const expiresAt = new Date(tx.now().getTime() + farm.limits.buildLeaseMs);
    await tx.updateTable("builds").set({ lease_expires_at: expiresAt.toISOString() }).where("id", "=", lease.buildId).execute();
  });
}

/** `logOffsetBytes`: length of the log when a step started. Throws BUILD_LEASE_LOST. */
export async function reportStep(
  farm: FarmContext,
  lease: BuildLease,
  report: StepReport,
  logOffsetBytes: number,
): Promise<void> {
  await farm.database.transaction(async (tx) => {
    const row = await loadLeased(tx, lease);
    await writeStep(tx, lease, report, logOffsetBytes);
    const { step, type, outcome, note } = report;
    await recordEvent(tx, { ...aboutBuild(row), type: "build-step", data: { step, type, outcome, note, attempt: row.attempt } });
  });
}

/** The builder's last word. Throws BUILD_LEASE_LOST. */
export async function finishBuild(farm: FarmContext, lease: BuildLease, result: BuildResult): Promise<void> {
  await farm.database.transaction(async (tx) => {
    const row = await loadLeased(tx, lease);
    await advance(tx, farm.limits, row, { type: "ended", result });
  });
}

/** The builder gives it back unfinished: a new attempt waits. Throws BUILD_LEASE_LOST. */
export async function giveBackBuild(farm: FarmContext, lease: BuildLease, reason: string): Promise<void> {
  await farm.database.transaction(async (tx) => {
    const row = await loadLeased(tx, lease);
    await advance(tx, farm.limits, row, { type: "lost", reason });
  });
}

async function loadLeased(tx: Transaction, lease: BuildLease): Promise<BuildsTable> {
  const row = await tx.selectFrom("builds").selectAll().where("id", "=", lease.buildId).executeTakeFirst();
  if (row?.state === "leased" && row.builder === lease.builder) return row;

  throw new AppError({
    kind: "conflict",
    code: "BUILD_LEASE_LOST",
    message: `${lease.builder} no longer holds build ${lease.buildId}, which is ${row?.state ?? "unknown"}`,
    hint: "Stop working on it: its result will not be taken",
  });
}

async function writeStep(tx: Transaction, { buildId }: BuildLease, report: StepReport, logOffsetBytes: number): Promise<void> {
  const { step, at, note = null, outcome = null } = report;
  if (report.type === "started") {
    const row = {
      build_id: buildId,
      step,
      started_at: at.toISOString(),
      ended_at: null,
      outcome,
      note,
      log_offset_bytes: logOffsetBytes,
    };
    // A report may come twice when its answer got lost.
    await tx
      .insertInto("build_steps")
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    return;
  }
  await tx
    .updateTable("build_steps")
    .set({ ended_at: at.toISOString(), outcome, note })
    .where("build_id", "=", buildId)
    .where("step", "=", step)
    .execute();
}
