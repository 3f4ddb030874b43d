import type { BuildView } from "../operations/index.ts";
import type { ViewContext } from "./context.ts";
import { loadBuilds } from "./uploads.ts";

/** An upload as lists show it. */
export interface UploadSummary {
  readonly id: string;
  readonly state: string;
  readonly source: string;
  readonly version: string;
  readonly distribution: string;
  readonly received_at: string;
  readonly ended_at: string | null;
  /** The newest attempt of each architecture. */
  readonly builds: readonly BuildView[];
}

export interface UploadPage {
  readonly uploads: readonly UploadSummary[];
  /** Give this as `before` for older ones; null: these are the last. */
  readonly next: string | null;
}

export interface UploadQuery {
  readonly source?: string | undefined;
  /** Only older ones than this upload. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** States in which an upload is on its way; `packager` owns the table of states. */
const LIVE_STATES = ["received", "checking", "building", "installing"];
const LIVE_COUNT_MAX = 50;

const summaryColumns = ["id", "state", "source", "version", "distribution", "received_at", "ended_at"] as const;

/** Newest first. */
export async function listUploads(ctx: ViewContext, query: UploadQuery): Promise<UploadPage> {
  let select = ctx.db
    .selectFrom("uploads")
    .select(summaryColumns)
    .orderBy("received_at", "desc")
    .orderBy("id", "desc")
    .limit(query.limit + 1);
  if (query.source !== undefined) select = select.where("source", "=", query.source);
  if (query.before !== undefined) {
    const start = await ctx.db
      .selectFrom("uploads")
      .select(["id", "received_at"])
      .where("id", "=", query.before)
      .executeTakeFirst();
    if (start === undefined) return { uploads: [], next: null };
    select = select.where((compare) =>
      compare(compare.refTuple("received_at", "id"), "<", compare.tuple(start.received_at, start.id)),
    );
  }

  const rows = await select.execute();
  const shown = rows.slice(0, query.limit);
  return { uploads: await withBuilds(ctx, shown), next: rows.length > query.limit ? (shown.at(-1)?.id ?? null) : null };
}

/** What is on its way now, oldest first. */
export async function listLiveUploads(ctx: ViewContext): Promise<UploadSummary[]> {
  const rows = await ctx.db
    .selectFrom("uploads")
    .select(summaryColumns)
    .where("state", "in", LIVE_STATES)
    .orderBy("received_at")
    .limit(LIVE_COUNT_MAX)
    .execute();
  return withBuilds(ctx, rows);
}

/** Builds that wait or run, over all uploads. */
export async function countLiveBuilds(ctx: ViewContext): Promise<number> {
  const row = await ctx.db
    .selectFrom("builds")
    .select((select) => select.fn.countAll<number>().as("count"))
    .where("state", "in", ["waiting", "leased"])
    .executeTakeFirst();
  return row?.count ?? 0;
}

async function withBuilds(ctx: ViewContext, rows: readonly Omit<UploadSummary, "builds">[]): Promise<UploadSummary[]> {
  const builds = await loadBuilds(
    ctx,
    rows.map((row) => row.id),
  );
  return rows.map((row) => ({ ...row, builds: newestAttempts(builds.get(row.id) ?? []) }));
}

/** Builds come by architecture, then attempt: the last of each counts. */
function newestAttempts(builds: readonly BuildView[]): BuildView[] {
  return [...new Map(builds.map((build) => [build.architecture, build])).values()];
}
