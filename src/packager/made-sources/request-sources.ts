import type { Transaction } from "../../database/index.ts";
import { enqueue } from "../../queue/index.ts";
import type { Problem } from "../../rules/index.ts";
import { LIVE_UPLOAD_STATES } from "../states.ts";
import type { PlannedSource } from "./source-request.ts";

export const MAKE_SOURCE_JOB = "make-source";

export interface MakeSourceJob {
  readonly madeSourceId: number;
}

/** Each as a row with its job. Returns their ids, in the order of the plans. */
export async function requestSources(tx: Transaction, plans: readonly PlannedSource[], by: string): Promise<number[]> {
  const ids: number[] = [];
  for (const { source, version, distribution, request } of plans) {
    const { id } = await tx
      .insertInto("made_sources")
      .values({
        state: "waiting",
        source,
        version,
        distribution,
        request: JSON.stringify(request),
        asked_by: by,
        upload_id: null,
        problem: null,
        created_at: tx.now().toISOString(),
        ended_at: null,
      })
      .returning("id")
      .executeTakeFirstOrThrow();
    await enqueue(tx, { kind: MAKE_SOURCE_JOB, payload: { madeSourceId: id }, dedupeKey: `${MAKE_SOURCE_JOB} ${id}` });
    ids.push(id);
  }
  return ids;
}

/** The same is being made, or built, already: asking twice makes it once. */
export async function checkUnderWay(tx: Transaction, { source, version, distribution }: PlannedSource): Promise<Problem[]> {
  const waiting = await tx
    .selectFrom("made_sources")
    .select("id")
    .where("source", "=", source)
    .where("version", "=", version)
    .where("distribution", "=", distribution)
    .where("state", "=", "waiting")
    .executeTakeFirst();
  const building = await tx
    .selectFrom("uploads")
    .select("id")
    .where("source", "=", source)
    .where("version", "=", version)
    .where("distribution", "=", distribution)
    .where("state", "in", LIVE_UPLOAD_STATES)
    .executeTakeFirst();
  if (waiting === undefined && building === undefined) return [];

  return [
    {
      code: "PORT_UNDER_WAY",
      message: `${source} ${version} for ${distribution} is on its way already${building === undefined ? "" : `: ${building.id}`}`,
      hint: "Wait for it: `mini-buildd events` shows what is going on",
    },
  ];
}
