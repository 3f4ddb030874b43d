import type { BuildOrder } from "../buildorder/index.ts";
import type { Transaction } from "../database/index.ts";
import { assert } from "../runtime/index.ts";
import { insertBuild } from "./insert-build.ts";

/** Somebody waits for what was uploaded; nobody in particular for a rebuild or port that the instance made itself. */
export const BUILD_PRIORITIES = { person: 0, background: -10 } as const;

export interface NewBuild {
  /** Farm gives the id and counts the attempts. */
  readonly order: Omit<BuildOrder, "buildId" | "attempt">;
  /** The upload can be installed without it. */
  readonly isOptional: boolean;
  /** Higher is leased first. Default BUILD_PRIORITIES.person. */
  readonly priority?: number | undefined;
}

/**
 * Order the builds of an upload, one per architecture, in the transaction in which it becomes "building". Returns
 * their ids. When all of them have ended, CONCLUDE_BUILDS_JOB is enqueued, once.
 */
export async function orderBuilds(tx: Transaction, uploadId: string, builds: readonly NewBuild[]): Promise<string[]> {
  const architectures = new Set(builds.map(({ order }) => order.architecture));
  assert(builds.length > 0 && architectures.size === builds.length, `builds of ${uploadId}: one per architecture, at least one`);
  assert(builds.filter(({ order }) => order.buildsAll).length <= 1, `builds of ${uploadId}: more than one makes arch:all`);

  const ids: string[] = [];
  for (const { order, isOptional, priority = BUILD_PRIORITIES.person } of builds) {
    const first = { attempt: 1, firstAttempt: 1, isAnnounced: false, notBefore: tx.now(), reason: null };
    ids.push(await insertBuild(tx, { uploadId, order, isOptional, priority, ...first }));
  }
  return ids;
}
