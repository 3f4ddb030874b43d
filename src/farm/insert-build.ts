import type { BuildOrder } from "../buildorder/index.ts";
import type { Transaction } from "../database/index.ts";
import { recordEvent } from "../events/index.ts";
import { buildId } from "./build.ts";
import type { DependencyWait } from "./dependency-wait.ts";
import { BUILDS_TOPIC } from "./farm-context.ts";

export interface BuildToInsert {
  readonly uploadId: string;
  readonly order: Omit<BuildOrder, "buildId" | "attempt">;
  readonly attempt: number;
  readonly isOptional: boolean;
  readonly priority: number;
  /** Attempts before it do not count. */
  readonly firstAttempt: number;
  /** BUILDING has been recorded. */
  readonly isAnnounced: boolean;
  readonly waitsFor?: DependencyWait | undefined;
  readonly notBefore: Date;
  /** Why it waits, for people. */
  readonly reason: string | null;
}

/** A new attempt, waiting. A build begins nowhere else. */
export async function insertBuild(tx: Transaction, build: BuildToInsert): Promise<string> {
  const { uploadId, attempt } = build;
  const { architecture, buildsAll, distribution, source, version } = build.order;
  const id = buildId(uploadId, architecture, attempt);
  const order: BuildOrder = { ...build.order, buildId: id, attempt };
  await tx
    .insertInto("builds")
    .values({
      id,
      upload_id: uploadId,
      architecture,
      attempt,
      builds_all: buildsAll ? 1 : 0,
      is_optional: build.isOptional ? 1 : 0,
      state: "waiting",
      priority: build.priority,
      build_order: JSON.stringify(order),
      result: null,
      reason: build.reason,
      not_before: build.notBefore.toISOString(),
      waits_for: build.waitsFor === undefined ? null : JSON.stringify(build.waitsFor),
      first_attempt: build.firstAttempt,
      is_announced: build.isAnnounced ? 1 : 0,
      lease_expires_at: null,
      builder: null,
      created_at: tx.now().toISOString(),
      started_at: null,
      ended_at: null,
    })
    .execute();

  const about = { uploadId, buildId: id, distribution, source, version, architecture };
  await recordEvent(tx, { ...about, type: "build-state", data: { to: "waiting", attempt, reason: build.reason ?? undefined } });
  tx.wake(BUILDS_TOPIC);
  return id;
}
