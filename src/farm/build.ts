import type { BuildOrder, BuildResult, BuildStep, StepReport } from "../buildorder/index.ts";
import type { BuildStepsTable, BuildsTable } from "../database/index.ts";
import type { BuildState } from "./build-states.ts";

/** One attempt at building one architecture of an upload. */
export interface Build {
  /** upload id/architecture; later attempts: …/architecture~2. */
  readonly id: string;
  readonly uploadId: string;
  readonly architecture: string;
  readonly attempt: number;
  readonly buildsAll: boolean;
  /** The upload can be installed without it. */
  readonly isOptional: boolean;
  readonly state: BuildState;
  readonly priority: number;
  readonly order: BuildOrder;
  readonly result: BuildResult | undefined;
  /** Why it waits, or why it ended without being built. */
  readonly reason: string | undefined;
  readonly notBefore: Date;
  readonly builder: string | undefined;
  readonly createdAt: Date;
  readonly startedAt: Date | undefined;
  readonly endedAt: Date | undefined;
  readonly steps: readonly BuildStepRecord[];
}

export interface BuildStepRecord {
  readonly step: BuildStep;
  readonly startedAt: Date;
  readonly endedAt: Date | undefined;
  /** As reported; "cancelled" or "lost" when the build ended in the middle of it. */
  readonly outcome: NonNullable<StepReport["outcome"]> | "cancelled" | "lost" | undefined;
  readonly note: string | undefined;
  /** Where its heading is in the log. */
  readonly logOffsetBytes: number;
}

export function buildOfRow(row: BuildsTable, steps: readonly BuildStepsTable[]): Build {
  return {
    id: row.id,
    uploadId: row.upload_id,
    architecture: row.architecture,
    attempt: row.attempt,
    buildsAll: row.builds_all === 1,
    isOptional: row.is_optional === 1,
    state: row.state as BuildState,
    priority: row.priority,
    order: JSON.parse(row.build_order) as BuildOrder,
    result: row.result === null ? undefined : (JSON.parse(row.result) as BuildResult),
    reason: row.reason ?? undefined,
    notBefore: new Date(row.not_before),
    builder: row.builder ?? undefined,
    createdAt: new Date(row.created_at),
    startedAt: dateOf(row.started_at),
    endedAt: dateOf(row.ended_at),
    steps: steps.filter((step) => step.build_id === row.id).map(stepOfRow),
  };
}

function stepOfRow(row: BuildStepsTable): BuildStepRecord {
  return {
    step: row.step as BuildStep,
    startedAt: new Date(row.started_at),
    endedAt: dateOf(row.ended_at),
    outcome: (row.outcome ?? undefined) as BuildStepRecord["outcome"],
    note: row.note ?? undefined,
    logOffsetBytes: row.log_offset_bytes,
  };
}

function dateOf(text: string | null): Date | undefined {
  return text === null ? undefined : new Date(text);
}

export function buildId(uploadId: string, architecture: string, attempt: number): string {
  return attempt === 1 ? `${uploadId}/${architecture}` : `${uploadId}/${architecture}~${attempt}`;
}
