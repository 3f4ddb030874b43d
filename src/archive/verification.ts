import type { Database } from "../database/index.ts";
import type { Clock, Limits, Logger } from "../runtime/index.ts";
import { AppError, asAppError } from "../runtime/index.ts";
import type { ArchivePaths } from "./archive-paths.ts";
import { listDistributions } from "./distributions.ts";
import type { NamedSnapshots } from "./named-snapshots.ts";
import type { PoolLock } from "./pool-lock.ts";
import type { SnapshotId } from "./snapshot-state.ts";
import { verifyContents } from "./verify-contents.ts";
import { verifyIndexes } from "./verify-indexes.ts";
import { verifyPlaces } from "./verify-places.ts";

/** Something that is not as the database says. */
export interface Finding {
  /** content: a stored file. place: its link in a repository. stray: a file there without a row. index: of a publication or snapshot. */
  readonly kind: "content" | "place" | "stray" | "index";
  readonly path: string;
  readonly fault: "missing" | "damaged" | "not linked" | "belongs to nothing";
  readonly repaired: boolean;
}

export interface VerificationStatus {
  readonly state: "never" | "running" | "done" | "failed";
  readonly isRepairing: boolean;
  readonly startedAt: Date | undefined;
  readonly endedAt: Date | undefined;
  readonly filesDone: number;
  readonly bytesDone: number;
  /** Of stored files; indexes come on top. */
  readonly filesTotal: number;
  readonly findingCount: number;
  readonly repairedCount: number;
  /** The first ones. */
  readonly findings: readonly Finding[];
  readonly problem: string | undefined;
}

/** What the parts of a verification need. */
export interface VerificationContext {
  readonly database: Database;
  readonly paths: ArchivePaths;
  readonly poolLock: PoolLock;
  readonly isRepairing: boolean;
  readonly signal: AbortSignal;
  readonly strayAgeMsMin: number;
  readonly progress: { done(sizeBytes: number): void };
  readonly report: (finding: Finding) => void;
  /** Files outside of the archive that may hold a content. */
  readonly findCopies: FindCopies;
  readonly writeSnapshotAgain: (id: SnapshotId) => Promise<void>;
}

export type FindCopies = (sha256: string) => Promise<readonly string[]>;

export interface VerificationOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: Limits;
  readonly paths: ArchivePaths;
  readonly poolLock: PoolLock;
  readonly namedSnapshots: NamedSnapshots;
  readonly findCopies: FindCopies;
}

const FINDINGS_MAX = 1_000;

/**
 * Reads everything that the archive holds again and compares it with the database: stored files, their links, the
 * indexes that readers see. Runs beside everything else, one at a time; it changes nothing unless it repairs. What
 * cannot be repaired is said. It may be broken off at any point, and started again.
 */
export class Verification {
  readonly #options: VerificationOptions;
  readonly #stop = new AbortController();
  #status: VerificationStatus = NEVER;
  #running: Promise<void> | undefined;

  constructor(options: VerificationOptions) {
    this.#options = options;
  }

  get status(): VerificationStatus {
    return this.#status;
  }

  /** Returns at once. Throws `conflict` VERIFICATION_RUNNING. */
  start({ isRepairing }: { readonly isRepairing: boolean }): void {
    if (this.#running !== undefined) throw alreadyRunning();
    this.#status = { ...NEVER, state: "running", isRepairing, startedAt: this.#options.clock.now() };
    this.#running = this.#run(isRepairing).finally(() => {
      this.#running = undefined;
    });
  }

  /** Resolves when none runs. */
  async untilEnded(): Promise<void> {
    await this.#running;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(isRepairing: boolean): Promise<void> {
    const { database, clock, logger } = this.#options;
    try {
      const { total } = await database.read
        .selectFrom("pool_files")
        .select((builder) => builder.fn.countAll<number>().as("total"))
        .executeTakeFirstOrThrow();
      this.#note({ filesTotal: total });
      await this.#verify(this.#context(isRepairing));
      this.#note({ state: "done", endedAt: clock.now() });
    } catch (error) {
      this.#note({ state: "failed", endedAt: clock.now(), problem: asAppError(error).message });
      if (!this.#stop.signal.aborted) logger.error("the archive could not be verified to its end", { error });
    }
    const { findingCount, repairedCount, filesDone } = this.#status;
    logger.info("archive verified", { findingCount, repairedCount, filesDone });
  }

  async #verify(context: VerificationContext): Promise<void> {
    await verifyContents(context);
    const distributions = await listDistributions(context.database.read);
    for (const repositoryId of new Set(distributions.map((settings) => settings.repositoryId))) {
      await verifyPlaces(context, repositoryId);
    }
    for (const settings of distributions) await verifyIndexes(context, settings);
  }

  #context(isRepairing: boolean): VerificationContext {
    const { database, paths, poolLock, limits, findCopies, namedSnapshots } = this.#options;
    return {
      database,
      paths,
      poolLock,
      isRepairing,
      findCopies,
      signal: this.#stop.signal,
      strayAgeMsMin: limits.unreferencedAgeMsMin,
      progress: {
        done: (sizeBytes) => this.#note({ filesDone: this.#status.filesDone + 1, bytesDone: this.#status.bytesDone + sizeBytes }),
      },
      report: (finding) => this.#report(finding),
      writeSnapshotAgain: (id) => namedSnapshots.writeAgain(id),
    };
  }

  #report(finding: Finding): void {
    const { findings, findingCount, repairedCount } = this.#status;
    this.#options.logger.warn("the archive is not as it should be", { ...finding });
    this.#note({
      findings: findings.length < FINDINGS_MAX ? [...findings, finding] : findings,
      findingCount: findingCount + 1,
      repairedCount: repairedCount + (finding.repaired ? 1 : 0),
    });
  }

  #note(news: Partial<VerificationStatus>): void {
    this.#status = { ...this.#status, ...news };
  }
}

const NEVER: VerificationStatus = {
  state: "never",
  isRepairing: false,
  startedAt: undefined,
  endedAt: undefined,
  filesDone: 0,
  bytesDone: 0,
  filesTotal: 0,
  findingCount: 0,
  repairedCount: 0,
  findings: [],
  problem: undefined,
};

function alreadyRunning(): AppError {
  return new AppError({
    kind: "conflict",
    code: "VERIFICATION_RUNNING",
    message: "the archive is being verified already",
    hint: "Wait for its end: mini-buildd archive-verify-status",
  });
}
