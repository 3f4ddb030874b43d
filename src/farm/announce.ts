import type { BuildsTable, Transaction } from "../database/index.ts";
import { recordEvent } from "../events/index.ts";
import { aboutBuild } from "./about-build.ts";
import { type BuildOutcome, reasonOf } from "./retry-plan.ts";

export async function recordStateChange(
  tx: Transaction,
  row: BuildsTable,
  change: { state: string; builder?: string | null; reason?: string | null },
): Promise<void> {
  const builder = change.builder ?? row.builder ?? undefined;
  const reason = change.reason ?? undefined;
  const data = { from: row.state, to: change.state, attempt: row.attempt, builder, reason };
  await recordEvent(tx, { ...aboutBuild(row), type: "build-state", data });
}

/** As the original announces it: once per architecture, whatever happens to the attempts; again when somebody has it retried. */
export async function announceStart(tx: Transaction, row: BuildsTable, builder: string): Promise<void> {
  if (row.is_announced === 1) return;
  await recordEvent(tx, { ...aboutBuild(row), type: "BUILDING", data: { builder, buildsAll: row.builds_all === 1 } });
}

/** Follows each BUILDING exactly once. */
export async function announceEnd(tx: Transaction, row: BuildsTable, outcome: BuildOutcome): Promise<void> {
  const wasAnnounced = row.state === "leased" || row.is_announced === 1;
  if (!wasAnnounced) return;

  const result = outcome.type === "ended" ? outcome.result : undefined;
  const data = {
    status: result?.status ?? "cancelled",
    reason: reasonOf(outcome),
    failedStep: result?.failedStep,
    failure: result?.failure,
    builder: row.builder ?? undefined,
    attempt: row.attempt,
    checks: result?.checks.map(({ name, outcome, summary, tests }) => ({ name, outcome, summary, tests })) ?? [],
  };
  await recordEvent(tx, { ...aboutBuild(row), type: "BUILT", data });
}
