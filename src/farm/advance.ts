import type { BuildOrder } from "../buildorder/index.ts";
import type { BuildsTable, Transaction } from "../database/index.ts";
import { enqueue } from "../queue/index.ts";
import { AppError } from "../runtime/index.ts";
import { announceEnd, announceStart, recordStateChange } from "./announce.ts";
import { BUILD_STATES, type BuildState, LIVE_BUILD_STATES } from "./build-states.ts";
import { type DependencyWait, describeWait, enqueueResume, waitOf } from "./dependency-wait.ts";
import { BUILDS_TOPIC, CONCLUDE_BUILDS_JOB, type FarmLimits } from "./farm-context.ts";
import { insertBuild } from "./insert-build.ts";
import { type BuildOutcome, planRetry, reasonOf } from "./retry-plan.ts";

/**
 * The only door to a build's state: writes it with its event, the next attempt if there is one, and the job that
 * follows when the upload's last build ended; all in the transaction given. Throws BUILD_STATE_CONFLICT.
 */
export async function advance(tx: Transaction, limits: FarmLimits, row: BuildsTable, given: BuildOutcome): Promise<void> {
  const history = { attempt: row.attempt - row.first_attempt + 1, losses: await countLosses(tx, row), wait: waitOf(row) };
  const { outcome, retryDelayMs, wait } = planRetry(limits, given, { ...history, now: tx.now() });
  const change = changeOf(tx, outcome);
  checkTransition(row, change.state);

  await tx.updateTable("builds").set(change).where("id", "=", row.id).execute();
  await recordStateChange(tx, row, change);
  tx.wake(BUILDS_TOPIC);

  if (outcome.type === "leased") return announceStart(tx, row, outcome.builder);

  await closeOpenSteps(tx, row, change.state);
  if (retryDelayMs !== undefined) return orderNextAttempt(tx, row, { outcome, retryDelayMs, wait });

  await announceEnd(tx, row, outcome);
  await concludeWhenLast(tx, row.upload_id);
}

type BuildChange = Partial<BuildsTable> & { state: BuildState };

function changeOf(tx: Transaction, outcome: BuildOutcome): BuildChange {
  const now = tx.now().toISOString();
  if (outcome.type === "leased") {
    const { builder, expiresAt } = outcome;
    const lease = { builder, lease_expires_at: expiresAt.toISOString(), started_at: now };
    return { state: "leased", ...lease, reason: null, is_announced: 1 };
  }

  const ended = { lease_expires_at: null, ended_at: now, reason: reasonOf(outcome) ?? null };
  if (outcome.type === "ended") return { ...ended, state: "done", result: JSON.stringify(outcome.result) };
  return { ...ended, state: outcome.type };
}

function checkTransition(row: BuildsTable, to: BuildState): void {
  const allowed: readonly string[] = BUILD_STATES[row.state as BuildState];
  if (allowed.includes(to)) return;

  throw new AppError({
    kind: "conflict",
    code: "BUILD_STATE_CONFLICT",
    message: `build ${row.id} is ${row.state} and cannot become ${to}`,
    hint: "Look at the build again: it has gone on meanwhile",
  });
}

async function countLosses(tx: Transaction, row: BuildsTable): Promise<number> {
  const { losses } = await tx
    .selectFrom("builds")
    .select(({ fn }) => fn.countAll<number>().as("losses"))
    .where("upload_id", "=", row.upload_id)
    .where("architecture", "=", row.architecture)
    .where("state", "=", "lost")
    .where("attempt", ">=", row.first_attempt)
    .executeTakeFirstOrThrow();
  return losses;
}

async function orderNextAttempt(
  tx: Transaction,
  row: BuildsTable,
  plan: { outcome: BuildOutcome; retryDelayMs: number; wait: DependencyWait | undefined },
): Promise<void> {
  const { wait } = plan;
  await insertBuild(tx, {
    uploadId: row.upload_id,
    order: JSON.parse(row.build_order) as BuildOrder,
    attempt: row.attempt + 1,
    isOptional: row.is_optional === 1,
    priority: row.priority,
    // What is missing may come: earlier failures of the environment say nothing about then.
    firstAttempt: wait === undefined ? row.first_attempt : row.attempt + 1,
    isAnnounced: true,
    waitsFor: wait,
    notBefore: new Date(tx.now().getTime() + plan.retryDelayMs),
    reason:
      wait === undefined
        ? `attempt ${row.attempt} of it ended: ${reasonOf(plan.outcome) ?? "no reason given"}`
        : describeWait(wait),
  });
  // The archive may have changed since the missing packages were looked for.
  if (wait !== undefined) await enqueueResume(tx);
}

/** A build can end in the middle of a step. */
async function closeOpenSteps(tx: Transaction, row: BuildsTable, state: BuildState): Promise<void> {
  await tx
    .updateTable("build_steps")
    .set({ ended_at: tx.now().toISOString(), outcome: state === "done" ? "environment-failed" : state })
    .where("build_id", "=", row.id)
    .where("ended_at", "is", null)
    .execute();
}

async function concludeWhenLast(tx: Transaction, uploadId: string): Promise<void> {
  const live = await tx
    .selectFrom("builds")
    .select("id")
    .where("upload_id", "=", uploadId)
    .where("state", "in", LIVE_BUILD_STATES)
    .limit(1)
    .executeTakeFirst();
  if (live !== undefined) return;

  await enqueue(tx, { kind: CONCLUDE_BUILDS_JOB, payload: { uploadId }, dedupeKey: `${CONCLUDE_BUILDS_JOB}:${uploadId}` });
}
