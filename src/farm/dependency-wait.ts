import { isDeepStrictEqual } from "node:util";
import type { BuildOrder, BuildResult, MissingDependencies } from "../buildorder/index.ts";
import type { BuildsTable, Database, Transaction } from "../database/index.ts";
import { recordEvent } from "../events/index.ts";
import { enqueue } from "../queue/index.ts";
import { aboutBuild } from "./about-build.ts";
import { BUILDS_TOPIC, type FarmLimits, RESUME_BUILDS_JOB } from "./farm-context.ts";

/**
 * What a build waits for. It has been tried and will be again: when what is missing may have come (`resumeBuild`), or by
 * itself from time to time, as a base changes without a word.
 */
export interface DependencyWait extends MissingDependencies {
  /** Since when; ISO 8601. */
  readonly since: string;
  /** How often it was tried in vain. */
  readonly tries: number;
  /** Where what it waits for may come from, sentence by sentence; absent until somebody has looked. */
  readonly outlook?: readonly string[] | undefined;
}

export interface WaitingBuild {
  readonly id: string;
  readonly uploadId: string;
  readonly order: BuildOrder;
  readonly wait: DependencyWait;
}

export function waitOf(row: Pick<BuildsTable, "waits_for">): DependencyWait | undefined {
  return typeof row.waits_for === "string" ? (JSON.parse(row.waits_for) as DependencyWait) : undefined;
}

/** How long the next attempt waits; or, after too long a time, the result that ends it. */
export function planWait(
  limits: FarmLimits,
  result: BuildResult,
  { wait: earlier, now }: { readonly wait: DependencyWait | undefined; readonly now: Date },
): { retryDelayMs: number; wait: DependencyWait } | { result: BuildResult } {
  const { relations, isDeep, known } = result.missing ?? { relations: [], isDeep: true };
  const wait = {
    relations,
    isDeep,
    ...(known !== undefined && { known }),
    since: earlier?.since ?? now.toISOString(),
    tries: (earlier?.tries ?? 0) + 1,
  };
  const waitedMs = now.getTime() - new Date(wait.since).getTime();
  if (waitedMs >= limits.dependencyWaitMsMax) {
    const days = Math.floor(waitedMs / (24 * 60 * 60 * 1000));
    const reason = `${result.reason ?? describeWait(wait)} (waited ${days} days, limit dependencyWaitMsMax)`;
    return { result: { ...result, status: "package-failed", reason } };
  }

  const delayMs = limits.dependencyRecheckMs * 2 ** (wait.tries - 1);
  return { retryDelayMs: Math.min(delayMs, limits.dependencyRecheckMsMax), wait };
}

export function describeWait({ relations, isDeep, outlook = [] }: MissingDependencies & Pick<DependencyWait, "outlook">): string {
  if (relations.length === 0) return "waits for its build dependencies";
  const prospects = outlook.length === 0 ? "" : `: ${outlook.join("; ")}`;
  return `waits for ${relations.join(", ")}${isDeep ? ", or what they need" : ""}${prospects}`;
}

/** In the transaction after which something that builds wait for may be there. */
export async function enqueueResume(tx: Transaction): Promise<void> {
  await enqueue(tx, { kind: RESUME_BUILDS_JOB, payload: null, dedupeKey: RESUME_BUILDS_JOB });
}

/** The same when something begins or ends that builds may wait for: nothing is asked for while none waits. */
export async function enqueueOutlook(tx: Transaction): Promise<void> {
  const waiting = await tx
    .selectFrom("builds")
    .select("id")
    .where("state", "=", "waiting")
    .where("waits_for", "is not", null)
    .limit(1)
    .executeTakeFirst();
  if (waiting !== undefined) await enqueueResume(tx);
}

/** Builds that wait for build dependencies, the oldest first. */
export async function listDependencyWaits(db: Pick<Database["read"], "selectFrom">): Promise<WaitingBuild[]> {
  const rows = await db
    .selectFrom("builds")
    .select(["id", "upload_id", "build_order", "waits_for"])
    .where("state", "=", "waiting")
    .where("waits_for", "is not", null)
    .orderBy("created_at")
    .orderBy("id")
    .execute();
  return rows.flatMap((row) => {
    const wait = waitOf(row);
    return wait === undefined
      ? []
      : [{ id: row.id, uploadId: row.upload_id, order: JSON.parse(row.build_order) as BuildOrder, wait }];
  });
}

/** Say where what it waits for may come from. Writes, and tells, only what is news; nothing when it waits no more. */
export async function noteOutlook(tx: Transaction, id: string, outlook: readonly string[]): Promise<void> {
  const row = await tx.selectFrom("builds").selectAll().where("id", "=", id).executeTakeFirst();
  const wait = row === undefined ? undefined : waitOf(row);
  if (row?.state !== "waiting" || wait === undefined || isDeepStrictEqual(wait.outlook ?? [], outlook)) return;

  const waitsFor: DependencyWait = { ...wait, outlook };
  const reason = describeWait(waitsFor);
  await tx
    .updateTable("builds")
    .set({ waits_for: JSON.stringify(waitsFor), reason })
    .where("id", "=", id)
    .execute();
  const data = { to: "waiting", attempt: row.attempt, reason, relations: wait.relations, outlook };
  await recordEvent(tx, { ...aboutBuild(row), type: "build-state", data });
}

/** Have it tried now, with these sources. Does nothing when it waits no more. */
export async function resumeBuild(
  tx: Transaction,
  id: string,
  change: { readonly sources: Pick<BuildOrder, "baseSources" | "extraSources">; readonly reason: string },
): Promise<void> {
  const row = await tx.selectFrom("builds").selectAll().where("id", "=", id).executeTakeFirst();
  if (row?.state !== "waiting" || row.waits_for === null) return;

  const order: BuildOrder = { ...(JSON.parse(row.build_order) as BuildOrder), ...change.sources };
  await tx
    .updateTable("builds")
    .set({ build_order: JSON.stringify(order), not_before: tx.now().toISOString(), reason: change.reason })
    .where("id", "=", id)
    .execute();
  const data = { to: "waiting", attempt: row.attempt, reason: change.reason };
  await recordEvent(tx, { ...aboutBuild(row), type: "build-state", data });
  tx.wake(BUILDS_TOPIC);
}
