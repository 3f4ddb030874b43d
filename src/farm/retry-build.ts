import type { BuildOrder } from "../buildorder/index.ts";
import type { BuildsTable, Transaction } from "../database/index.ts";
import { LIVE_BUILD_STATES } from "./build-states.ts";
import { insertBuild } from "./insert-build.ts";
import { listCurrentBuilds } from "./list-builds.ts";

export interface RetryRequest {
  readonly uploadId: string;
  /** Absent: every architecture that was not built. */
  readonly architecture?: string | undefined;
  /** What they see now, of other packages. */
  readonly sourcesFor: (architecture: string) => Pick<BuildOrder, "baseSources" | "extraSources">;
  readonly by: string;
}

export interface RetriedBuilds {
  /** New attempts, waiting. */
  readonly ordered: readonly string[];
  /** Attempts that wait or run already. */
  readonly live: readonly string[];
}

/** New attempts at what ended without being built; each begins a series of its own. What waits or runs is left alone. */
export async function retryBuilds(tx: Transaction, request: RetryRequest): Promise<RetriedBuilds> {
  const builds = (await listCurrentBuilds(tx, request.uploadId)).filter(
    ({ architecture }) => request.architecture === undefined || architecture === request.architecture,
  );
  const isLive = ({ state }: { state: string }): boolean => (LIVE_BUILD_STATES as readonly string[]).includes(state);
  const ended = builds.filter((build) => !isLive(build) && !isDone(build.result?.status));

  const ordered: string[] = [];
  for (const { id } of ended) {
    const row = await tx.selectFrom("builds").selectAll().where("id", "=", id).executeTakeFirstOrThrow();
    ordered.push(await insertAttempt(tx, row, request));
  }
  return { ordered, live: builds.filter(isLive).map(({ id }) => id) };
}

function isDone(status: string | undefined): boolean {
  return status === "built" || status === "skipped";
}

async function insertAttempt(tx: Transaction, row: BuildsTable, { sourcesFor, by }: RetryRequest): Promise<string> {
  const attempt = row.attempt + 1;
  return insertBuild(tx, {
    uploadId: row.upload_id,
    order: { ...(JSON.parse(row.build_order) as BuildOrder), ...sourcesFor(row.architecture) },
    attempt,
    firstAttempt: attempt,
    isAnnounced: false,
    isOptional: row.is_optional === 1,
    // Somebody waits for it.
    priority: row.priority + 1,
    notBefore: tx.now(),
    reason: `retried by ${by}`,
  });
}
