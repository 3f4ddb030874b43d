import { mkdir } from "node:fs/promises";
import { type BuildOrder, type BuildResult, buildFailure, type StepReport } from "../buildorder/index.ts";
import { AppError, errorChain } from "../runtime/index.ts";
import { BuildLogFile, compressLog } from "./build-log-file.ts";
import { buildDirectory, buildLogPath, sourceDirectory } from "./build-paths.ts";
import type { FarmContext } from "./farm-context.ts";
import { type BuildLease, finishBuild, giveBackBuild, renewLease, reportStep } from "./lease.ts";

/** What does the work: builder's runBuild, with its environment. Cancels when the signal aborts; returns when nothing of the build is left. */
export type BuildRunner = (
  order: BuildOrder,
  context: {
    readonly sourceDirectory: string;
    readonly outputDirectory: string;
    readonly logSink: { write(chunk: Uint8Array): void };
    readonly report: (report: StepReport) => Promise<void>;
    readonly signal: AbortSignal;
    readonly jobs: number;
  },
) => Promise<BuildResult>;

/** Renewals per lease: two may get lost. */
const RENEWALS_PER_LEASE = 3;

/** One leased build in this process, from the lease to the recorded result. */
export class RunningBuild {
  readonly lease: BuildLease;
  readonly #farm: FarmContext;
  readonly #runBuild: BuildRunner;
  readonly #controller = new AbortController();
  #interruptReason: string | undefined;

  readonly #jobs: number;

  /** `jobs`: how many processors it may use. */
  constructor(parts: { farm: FarmContext; lease: BuildLease; runBuild: BuildRunner; jobs: number }) {
    this.#jobs = parts.jobs;
    this.#farm = parts.farm;
    this.lease = parts.lease;
    this.#runBuild = parts.runBuild;
  }

  /** Throws when the result cannot be recorded. */
  async run(): Promise<void> {
    const { logger, limits } = this.#farm;
    const { buildId, order } = this.lease;
    logger.info("build started", { buildId });
    const heartbeat = setInterval(() => void this.renew(), limits.buildLeaseMs / RENEWALS_PER_LEASE);
    try {
      const result = await this.#result();
      await this.#record(result);
    } finally {
      clearInterval(heartbeat);
    }
    await this.#keepLog(buildLogPath(this.#farm, { id: buildId, order }));
  }

  /** Stop it and give it back to the queue. */
  interrupt(reason: string): void {
    this.#interruptReason ??= reason;
    this.#controller.abort();
  }

  /** Stop it when it was cancelled or is considered lost. */
  async checkLease(): Promise<void> {
    const { database, logger } = this.#farm;
    const { buildId } = this.lease;
    try {
      const row = await database.read.selectFrom("builds").select("state").where("id", "=", buildId).executeTakeFirst();
      if (row?.state !== "leased") this.#controller.abort();
    } catch (error) {
      logger.warn("a lease could not be checked", { buildId, error });
    }
  }

  /** Also finds out that it was cancelled or is considered lost; then it is stopped. */
  async renew(): Promise<void> {
    try {
      await renewLease(this.#farm, this.lease);
    } catch (error) {
      if (error instanceof AppError && error.code === "BUILD_LEASE_LOST") return this.#controller.abort();
      this.#farm.logger.warn("a lease could not be renewed", { buildId: this.lease.buildId, error });
    }
  }

  async #result(): Promise<BuildResult> {
    const { buildId, uploadId, order } = this.lease;
    const outputDirectory = buildDirectory(this.#farm, buildId);
    try {
      await mkdir(outputDirectory, { recursive: true });
      const log = new BuildLogFile(buildLogPath(this.#farm, { id: buildId, order }));
      try {
        return await this.#runBuild(order, {
          sourceDirectory: sourceDirectory(this.#farm, uploadId),
          outputDirectory,
          logSink: log,
          report: (report) => reportStep(this.#farm, this.lease, report, log.sizeBytes),
          signal: this.#controller.signal,
          jobs: this.#jobs,
        });
      } finally {
        log.close();
      }
    } catch (error) {
      this.#farm.logger.error("a build failed in the builder itself", { buildId, error });
      const reason = errorChain(error).join(": ");
      return { status: "environment-failed", reason, failure: buildFailure("ours"), files: [], checks: [] };
    }
  }

  async #record(result: BuildResult): Promise<void> {
    const { logger } = this.#farm;
    const { buildId } = this.lease;
    try {
      if (this.#interruptReason !== undefined && result.status === "cancelled") {
        return await giveBackBuild(this.#farm, this.lease, this.#interruptReason);
      }
      await finishBuild(this.#farm, this.lease, result);
      logger.info("build ended", { buildId, status: result.status, reason: result.reason });
    } catch (error) {
      if (!(error instanceof AppError && error.code === "BUILD_LEASE_LOST")) throw error;
      logger.info("a build was stopped because nobody wants it any more", { buildId });
    }
  }

  /** A log that cannot be compressed is still a log: tried again at the next start. */
  async #keepLog(path: string): Promise<void> {
    await compressLog(path).catch((error: unknown) => this.#farm.logger.warn("a log could not be compressed", { path, error }));
  }
}
