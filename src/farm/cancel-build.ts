import type { BuildsTable, Transaction } from "../database/index.ts";
import { AppError } from "../runtime/index.ts";
import { advance } from "./advance.ts";
import { LIVE_BUILD_STATES } from "./build-states.ts";
import type { FarmContext } from "./farm-context.ts";

/**
 * Cancel a build, waiting or running; given an attempt that was superseded, the one that superseded it. The row is
 * cancelled when this returns; a running local build is killed by that within a second. Returns the id of what was
 * cancelled. Throws BUILD_NOT_FOUND; BUILD_ENDED when there is nothing left to cancel.
 */
export async function cancelBuild(farm: FarmContext, id: string, by: string): Promise<string> {
  return farm.database.transaction(async (tx) => {
    const row = await loadLiveAttempt(tx, id);
    await advance(tx, farm.limits, row, { type: "cancelled", by });
    return row.id;
  });
}

/** Cancel everything of an upload that is still on its way. Returns the ids; none is not an error. */
export async function cancelUploadBuilds(farm: FarmContext, uploadId: string, by: string): Promise<string[]> {
  return farm.database.transaction(async (tx) => {
    const rows = await tx
      .selectFrom("builds")
      .selectAll()
      .where("upload_id", "=", uploadId)
      .where("state", "in", LIVE_BUILD_STATES)
      .orderBy("id")
      .execute();
    for (const row of rows) await advance(tx, farm.limits, row, { type: "cancelled", by });
    return rows.map(({ id }) => id);
  });
}

async function loadLiveAttempt(tx: Transaction, id: string): Promise<BuildsTable> {
  const named = await tx.selectFrom("builds").selectAll().where("id", "=", id).executeTakeFirst();
  if (named === undefined) {
    throw new AppError({ kind: "not-found", code: "BUILD_NOT_FOUND", message: `there is no build ${id}` });
  }

  const live = await tx
    .selectFrom("builds")
    .selectAll()
    .where("upload_id", "=", named.upload_id)
    .where("architecture", "=", named.architecture)
    .where("state", "in", LIVE_BUILD_STATES)
    .executeTakeFirst();
  if (live !== undefined) return live;

  throw new AppError({ kind: "conflict", code: "BUILD_ENDED", message: `build ${id} has ended: it is ${named.state}` });
}
