import { type Database, type Transaction } from "../../database/index.ts";
import { recordEvent } from "../../events/index.ts";
import type { Problem } from "../../rules/index.ts";
import { assert } from "../../runtime/index.ts";
import type { PlannedSource, SourceRequest } from "./source-request.ts";

/**
 * The states of a source that this instance makes itself.
 *
 * - waiting: asked for; job `make-source` unpacks, changes and packs it in a testbed. Left when that ends.
 * - made: it is an upload, whose state tells the rest.
 * - failed: it could not be made; REJECTED says why.
 */
export const MADE_SOURCE_STATES = {
  waiting: ["made", "failed"],
  made: [],
  failed: [],
} as const satisfies Record<string, readonly string[]>;

export type MadeSourceState = keyof typeof MADE_SOURCE_STATES;

export interface MadeSource extends PlannedSource {
  readonly id: number;
  readonly state: MadeSourceState;
  readonly askedBy: string;
  readonly uploadId: string | undefined;
  readonly problem: Problem | undefined;
  readonly createdAt: Date;
}

export type MakingOutcome =
  | { readonly type: "made"; readonly uploadId: string }
  | { readonly type: "failed"; readonly problem: Problem };

export async function loadMadeSource(db: Database["read"] | Transaction, id: number): Promise<MadeSource> {
  const row = await db.selectFrom("made_sources").selectAll().where("id", "=", id).executeTakeFirstOrThrow();
  return {
    id: row.id,
    state: row.state as MadeSourceState,
    source: row.source,
    version: row.version,
    distribution: row.distribution,
    request: JSON.parse(row.request) as SourceRequest,
    askedBy: row.asked_by,
    uploadId: row.upload_id ?? undefined,
    problem: row.problem === null ? undefined : (JSON.parse(row.problem) as Problem),
    createdAt: new Date(row.created_at),
  };
}

/** The request that an upload came from; undefined: somebody sent it. */
export async function findMadeSource(db: Database["read"] | Transaction, uploadId: string): Promise<MadeSource | undefined> {
  const row = await db.selectFrom("made_sources").select("id").where("upload_id", "=", uploadId).executeTakeFirst();
  return row === undefined ? undefined : loadMadeSource(db, row.id);
}

/**
 * The only place that changes the state. False, with nothing changed, when it has been left already. What could not be
 * made is told as an upload would be.
 */
export async function advanceMadeSource(tx: Transaction, { id }: { id: number }, outcome: MakingOutcome): Promise<boolean> {
  const made = await loadMadeSource(tx, id);
  const successors: readonly string[] = MADE_SOURCE_STATES[made.state];
  assert(successors !== undefined, `made source ${id} has the unknown state ${made.state}`);
  if (!successors.includes(outcome.type)) return false;

  await tx
    .updateTable("made_sources")
    .set({
      state: outcome.type,
      upload_id: outcome.type === "made" ? outcome.uploadId : null,
      problem: outcome.type === "failed" ? JSON.stringify(outcome.problem) : null,
      ended_at: tx.now().toISOString(),
    })
    .where("id", "=", id)
    .execute();
  if (outcome.type === "made") return true;

  const { source, version, distribution } = made;
  const { problem } = outcome;
  const data = { error: problem.message, problems: [problem], channel: "own" };
  await recordEvent(tx, { type: "REJECTED", source, version, distribution, architecture: "source", data });
  return true;
}
