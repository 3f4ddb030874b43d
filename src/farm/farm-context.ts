import type { Database } from "../database/index.ts";
import type { Clock, Limits, Logger } from "../runtime/index.ts";

/** What the functions of this module work with; made by the daemon. */
export interface FarmContext {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: FarmLimits;
  /** HOME/builds. */
  readonly buildsPath: string;
}

export type FarmLimits = Pick<
  Limits,
  | "buildLeaseMs"
  | "buildAttemptsMax"
  | "buildLossesMax"
  | "buildRetryDelayMs"
  | "buildRetryDelayMsMax"
  | "dependencyRecheckMs"
  | "dependencyRecheckMsMax"
  | "dependencyWaitMsMax"
  | "diskReserveBytes"
  | "memoryReserveBytes"
>;

/** `Database.onWake` topic: a build waits, was leased, or ended. */
export const BUILDS_TOPIC = "builds";

/** Job of packager: every build of an upload has ended. Payload {uploadId}. Enqueued in the transaction that ends the last. */
export const CONCLUDE_BUILDS_JOB = "conclude-builds";

/** Job of packager: look whether what builds wait for has come. No payload. */
export const RESUME_BUILDS_JOB = "resume-builds";
