import type { Selectable } from "kysely";
import type { BuildResult } from "../buildorder/index.ts";
import type { BuildStepsTable, BuildsTable, UploadsTable } from "../database/index.ts";
import type { DependencyWait } from "../farm/index.ts";
import type { BuildView, ProblemView, StepView, UploadView } from "../operations/index.ts";
import { AppError } from "../runtime/index.ts";
import { compareChecks, type EarlierChecks, findEarlierChecks } from "./check-changes.ts";
import type { ViewContext } from "./context.ts";
import { logText } from "./log-text.ts";
import { buildFilePath, buildLogPath, logPagePath } from "./paths.ts";

export type BuildRow = Selectable<BuildsTable>;
export type StepRow = Selectable<BuildStepsTable>;

/** One upload with all attempts of all its builds. Throws UPLOAD_NOT_FOUND (not-found). */
export async function loadUpload(ctx: ViewContext, id: string): Promise<UploadView> {
  const upload = await ctx.db.selectFrom("uploads").selectAll().where("id", "=", id).executeTakeFirst();
  if (upload === undefined) throw uploadNotFound(id);

  const files = await ctx.db
    .selectFrom("upload_files")
    .select(["name", "size_bytes", "sha256"])
    .where("upload_id", "=", id)
    .orderBy("name")
    .execute();
  const builds = await loadBuilds(ctx, [id], await findEarlierChecks(ctx, upload));
  return { ...uploadColumns(upload), files, builds: builds.get(id) ?? [] };
}

/** Builds of several uploads with their steps, by upload; each by architecture, then attempt. */
export async function loadBuilds(
  ctx: ViewContext,
  uploadIds: readonly string[],
  earlier?: EarlierChecks,
): Promise<Map<string, BuildView[]>> {
  const byUpload = new Map<string, BuildView[]>();
  if (uploadIds.length === 0) return byUpload;

  const rows = await ctx.db
    .selectFrom("builds")
    .selectAll()
    .where("upload_id", "in", uploadIds)
    .orderBy("architecture")
    .orderBy("attempt")
    .execute();
  const steps = await loadSteps(
    ctx,
    rows.map((row) => row.id),
  );
  for (const row of rows) {
    const builds = byUpload.get(row.upload_id) ?? [];
    byUpload.set(row.upload_id, [...builds, buildOf(row, steps.get(row.id) ?? [], earlier)]);
  }
  return byUpload;
}

async function loadSteps(ctx: ViewContext, buildIds: readonly string[]): Promise<Map<string, StepRow[]>> {
  if (buildIds.length === 0) return new Map();

  const rows = await ctx.db
    .selectFrom("build_steps")
    .selectAll()
    .where("build_id", "in", buildIds)
    .orderBy("started_at")
    .execute();
  return Map.groupBy(rows, (row) => row.build_id);
}

function uploadColumns(row: Selectable<UploadsTable>): Omit<UploadView, "files" | "builds"> {
  return {
    id: row.id,
    state: row.state,
    source: row.source,
    version: row.version,
    distribution: row.distribution,
    timecode: row.timecode,
    changes_name: row.changes_name,
    signer_fingerprint: row.signer_fingerprint,
    channel: row.channel,
    received_at: row.received_at,
    ended_at: row.ended_at,
    problems: JSON.parse(row.problems) as ProblemView[],
  };
}

function buildOf(row: BuildRow, steps: readonly StepRow[], earlier: EarlierChecks | undefined): BuildView {
  const result = row.result === null ? undefined : (JSON.parse(row.result) as BuildResult);
  return {
    id: row.id,
    architecture: row.architecture,
    attempt: row.attempt,
    builds_all: row.builds_all === 1,
    is_optional: row.is_optional === 1,
    state: row.state,
    status: result?.status ?? null,
    reason: row.reason ?? result?.reason ?? null,
    failure: failureOf(row.id, result),
    waits_for: row.state === "waiting" ? waitOf(row) : null,
    debug: debugOf(row.id, result),
    builder: row.builder,
    created_at: row.created_at,
    not_before: row.not_before,
    started_at: row.started_at,
    ended_at: row.ended_at,
    steps: steps.map(stepOf),
    checks: (result?.checks ?? []).map((check) => ({
      name: check.name,
      outcome: check.outcome,
      summary: check.summary,
      changes: compareChecks(check, row.architecture, earlier),
      tests: (check.tests ?? []).map((test) => ({ ...test })),
      tags: check.tags.map((tag) => ({ ...tag })),
    })),
    files: [...(result?.files ?? []), ...(result?.products ?? [])].map((file) => ({
      name: file.name,
      size_bytes: file.sizeBytes,
      sha256: file.sha256,
      path: buildFilePath(row.id, file.name),
    })),
    log_path: buildLogPath(row.id),
    log_page: logPagePath(row.id),
  };
}

function waitOf(row: BuildRow): BuildView["waits_for"] {
  if (row.waits_for === null) return null;
  const { relations, outlook = [], since } = JSON.parse(row.waits_for) as DependencyWait;
  return { relations: [...relations], outlook: [...outlook], since };
}

function failureOf(buildId: string, result: BuildResult | undefined): BuildView["failure"] {
  if (result?.failure === undefined) return null;
  const { class: failureClass, hint, logLine, excerpt } = result.failure;
  const page = logLine === undefined ? null : logPagePath(buildId, logLine);
  const lines = (excerpt?.lines ?? []).map((line, index) => ({
    line: (excerpt?.firstLine ?? 1) + index,
    text: logText(Buffer.from(line)),
  }));
  return { class: failureClass, hint, log_line: logLine ?? null, log_page: page, excerpt: lines };
}

function debugOf(buildId: string, result: BuildResult | undefined): BuildView["debug"] {
  if (result?.testbedKeptUntil === undefined) return null;
  return { command: `mini-buildd debug-build ${buildId}`, until: result.testbedKeptUntil };
}

function stepOf(row: StepRow): StepView {
  return {
    step: row.step,
    started_at: row.started_at,
    ended_at: row.ended_at,
    outcome: row.outcome,
    note: row.note,
    log_offset_bytes: row.log_offset_bytes,
  };
}

function uploadNotFound(id: string): AppError {
  return new AppError({
    kind: "not-found",
    code: "UPLOAD_NOT_FOUND",
    message: `there is no upload ${id}`,
    hint: "An upload id is source/version/timecode, as on the page of events",
  });
}
