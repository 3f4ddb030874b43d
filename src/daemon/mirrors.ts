import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Catalog } from "../catalog/index.ts";
import type { MirrorRequest, MirrorView } from "../handlers/index.ts";
import { enqueue, type ListedJob, listJobs } from "../queue/index.ts";
import { AppError } from "../runtime/index.ts";
import type { Foundation } from "./foundation.ts";
import { type CheckedMirror, checkMirror, makeMirror } from "./mirror.ts";

const KIND = "debmirror";
/** Each takes a place of the job worker, perhaps for hours: the other places are for all other work. */
const OPEN_MAX = 2;
/** The first one and two more: then somebody has to look. */
const ATTEMPTS_MAX = 3;
const LISTED_MAX = 50;
const LOOK_INTERVAL_MS = 500;

interface MirrorJob {
  readonly mirror: CheckedMirror;
  readonly by: string;
}

/**
 * Mirrors that debmirror makes, each by a job: a restart goes on with it. Register before the job worker's start. How far
 * the running ones are is known to this process only.
 */
export class Mirrors {
  readonly #foundation: Foundation;
  readonly #catalog: () => Catalog;
  readonly #progress = new Map<number, string>();
  readonly #stopping = new AbortController();

  constructor(foundation: Foundation, catalog: () => Catalog) {
    this.#foundation = foundation;
    this.#catalog = catalog;
  }

  register(): void {
    this.#foundation.jobs.register<MirrorJob>(KIND, async ({ mirror }, { jobId, signal }) => {
      const scratchPath = join(this.#foundation.config.home, "cache", "mirrors", String(jobId));
      const onProgress = (text: string): void => void this.#progress.set(jobId, text);
      try {
        await makeMirror(this.#foundation, { catalog: this.#catalog(), request: mirror }, { scratchPath, signal, onProgress });
      } finally {
        this.#progress.delete(jobId);
      }
    });
  }

  /**
   * It is a job when this returns; with `wait`, it is whole. Throws what checkMirror throws; DEBMIRROR_RUNNING,
   * DEBMIRROR_BUSY (conflict); waiting, DEBMIRROR_FAILED, DEBMIRROR_UNFINISHED (unavailable).
   */
  async make(request: MirrorRequest & { readonly by: string; readonly wait: boolean }): Promise<void> {
    const { by, wait, ...wanted } = request;
    const mirror = checkMirror(this.#foundation, this.#catalog(), wanted);
    const jobId = await this.#foundation.database.transaction(async (tx) => {
      const open = (await listJobs(tx, KIND, LISTED_MAX)).filter(isOpen);
      if (open.some((job) => payloadOf(job).mirror.destination === mirror.destination)) throw alreadyRunning(mirror.destination);
      if (open.length >= OPEN_MAX) throw tooMany(OPEN_MAX);
      return (await enqueue(tx, { kind: KIND, payload: { mirror, by }, attemptsMax: ATTEMPTS_MAX })).jobId;
    });
    if (wait) await this.#end(jobId);
  }

  /** Those who wait are told that it goes on without them. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Newest first. */
  async list(): Promise<MirrorView[]> {
    const jobs = await listJobs(this.#foundation.database.read, KIND, LISTED_MAX);
    return jobs.map((job) => {
      const { mirror, by } = payloadOf(job);
      return {
        id: job.id,
        destination: mirror.destination,
        state: job.state,
        by,
        requestedAt: job.createdAt,
        endedAt: job.endedAt,
        progress: this.#progress.get(job.id),
        problem: job.state === "done" ? undefined : job.lastError,
      };
    });
  }

  async #end(jobId: number): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const jobs = await listJobs(this.#foundation.database.read, KIND, LISTED_MAX);
      const job = jobs.find(({ id }) => id === jobId);
      if (job === undefined || job.state === "done") return;
      if (job.state === "failed" || job.lastError !== undefined) throw hasFailed(job);
      await delay(LOOK_INTERVAL_MS, undefined, { signal }).catch(() => {
        // Stopping: the loop ends.
      });
    }
    throw unfinished();
  }
}

function isOpen({ state }: ListedJob): boolean {
  return state === "waiting" || state === "leased";
}

function payloadOf({ payload }: ListedJob): MirrorJob {
  // Written by `make` only.
  return payload as MirrorJob;
}

function alreadyRunning(destination: string): AppError {
  return new AppError({
    kind: "conflict",
    code: "DEBMIRROR_RUNNING",
    message: `the mirror in ${destination} is being made already`,
    hint: "`mini-buildd debmirror_ls` shows how far it is",
  });
}

function tooMany(max: number): AppError {
  return new AppError({
    kind: "conflict",
    code: "DEBMIRROR_BUSY",
    message: `${max} mirrors are being made already`,
    hint: "Wait until one has ended: `mini-buildd debmirror_ls` shows them",
  });
}

function unfinished(): AppError {
  return new AppError({
    kind: "unavailable",
    code: "DEBMIRROR_UNFINISHED",
    message: "this instance stops before the mirror is whole",
    hint: "It goes on at the next start: `mini-buildd debmirror_ls` shows how far it is then",
  });
}

/** What the job remembers of its failure: code, message, causes. */
function hasFailed({ lastError = "", state }: ListedJob): AppError {
  const [first = ""] = lastError.split("\n");
  const goesOn = state === "failed" ? "" : ". It is tried again by itself";
  return new AppError({
    kind: "unavailable",
    code: "DEBMIRROR_FAILED",
    message: first.replace(/^[A-Z_]+: /, ""),
    hint: `Install debmirror if it is not there, look whether the disk is full${goesOn}`,
  });
}
