import { readdir, rm, rmdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import type { Database } from "../database/index.ts";
import { AppError, type Clock, type Logger } from "../runtime/index.ts";
import type { ArchivePaths } from "./archive-paths.ts";
import { loadSettingsAt } from "./distributions.ts";
import { findFirstGeneration, findGenerationAt } from "./find-generation.ts";
import type { PublishedGeneration } from "./find-publication.ts";
import { findDistributionRepository } from "./find-repository.ts";
import { type FreezeContext, removeFrozenIndexes, removeUnfinishedLinks, writeFrozenIndexes } from "./frozen-indexes.ts";
import { formatInstant, parseInstant } from "./instant.ts";

export interface TimeSnapshotContext extends FreezeContext {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a reader asks for: /repositories/<repositoryId>/snapshot/<instant>/dists/<distribution>/… */
export interface TimeSnapshotRequest {
  readonly repositoryId: string;
  readonly distribution: string;
  /** As in the address. */
  readonly instant: string;
}

/** The instant under which it is to be found; what is asked for is on the disk when it is the same. */
export interface TimeSnapshotAnswer {
  readonly instant: string;
}

/**
 * Distributions as they were at an instant. The indexes of a generation are made and signed when somebody first asks
 * for them, under the Date of the generation; every other instant leads to its generation's. Those asked for least
 * recently are deleted: they can be made again, to the same bytes but for the signature.
 */
export class TimeSnapshots {
  readonly #ctx: TimeSnapshotContext;
  /** On the disk; least recently used first. */
  readonly #made = new Map<string, TimeSnapshotRequest>();
  readonly #making = new Map<string, Promise<void>>();
  /** One at a time: anybody may ask, and publications need the machine, too. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(ctx: TimeSnapshotContext) {
    this.#ctx = ctx;
  }

  /** Take over what is on the disk; what was not finished goes. */
  async start(): Promise<void> {
    const { paths } = this.#ctx;
    for (const repositoryId of await listDirectory(join(paths.homePath, "repositories"))) {
      for (const instant of await listDirectory(paths.timeSnapshots(repositoryId))) await this.#takeOver(repositoryId, instant);
    }
  }

  /** Resolves when nothing is being made. */
  async stop(): Promise<void> {
    await this.#last;
  }

  /**
   * Where a distribution at an instant is found. Made first when need be; many may ask at the same time. Throws
   * `not-found` INSTANT_INVALID, DISTRIBUTION_UNKNOWN, INSTANT_UNKNOWN (before history begins, or in the future).
   */
  async find(request: TimeSnapshotRequest): Promise<TimeSnapshotAnswer> {
    const key = keyOf(request);
    if (this.#made.has(key)) {
      this.#remember(request);
      return request;
    }

    const generation = await this.#findGeneration(request);
    const instant = formatInstant(generation.releaseDate);
    if (instant === request.instant) await this.#make(request, generation);
    return { instant };
  }

  /** Delete those of a distribution from before an instant: their generations were forgotten. */
  async forgetBefore(repositoryId: string, distribution: string, instant: Date): Promise<void> {
    const before = formatInstant(instant);
    const gone = [...this.#made.values()].filter(
      (made) => made.repositoryId === repositoryId && made.distribution === distribution && made.instant < before,
    );
    for (const request of gone) await this.#alone(() => this.#remove(request));
  }

  async #takeOver(repositoryId: string, instant: string): Promise<void> {
    const root = this.#ctx.paths.timeSnapshot(repositoryId, instant);
    await removeUnfinishedLinks(join(root, "dists"));
    const visible = await listDirectory(join(root, "dists"));
    for (const distribution of visible) this.#remember({ repositoryId, instant, distribution });
    for (const distribution of await listDirectory(join(root, "generations"))) {
      if (!visible.includes(distribution)) await this.#remove({ repositoryId, instant, distribution });
    }
  }

  async #findGeneration({ repositoryId, distribution, instant }: TimeSnapshotRequest): Promise<PublishedGeneration> {
    const { database, clock } = this.#ctx;
    const date = parseInstant(instant);
    if (date === undefined) throw instantInvalid(instant);
    if ((await findDistributionRepository(database.read, distribution)) !== repositoryId)
      throw distributionUnknown(repositoryId, distribution);

    const generation = await findGenerationAt(database.read, distribution, date);
    if (generation !== undefined && date <= later(clock.now(), generation.releaseDate)) return generation;
    throw instantUnknown(distribution, instant, await findFirstGeneration(database.read, distribution));
  }

  async #make(request: TimeSnapshotRequest, generation: PublishedGeneration): Promise<void> {
    const key = keyOf(request);
    const making =
      this.#making.get(key) ?? this.#alone(() => this.#write(request, generation)).finally(() => this.#making.delete(key));
    this.#making.set(key, making);
    await making;
  }

  async #write(request: TimeSnapshotRequest, { change, releaseDate }: PublishedGeneration): Promise<void> {
    const { database, paths, limits } = this.#ctx;
    const { repositoryId, distribution, instant } = request;
    const settings = await loadSettingsAt(database.read, distribution, change);
    await writeFrozenIndexes(this.#ctx, { settings, change, releaseDate, ...placeOf(paths, request) });
    await symlink("../../pool", join(paths.timeSnapshot(repositoryId, instant), "pool")).catch(ignoreExisting);
    this.#remember(request);

    // Retention takes generations and what they held away together: is it still here, it was whole all the time.
    const still = await findGenerationAt(database.read, distribution, releaseDate);
    if (still?.releaseDate.getTime() !== releaseDate.getTime()) {
      await this.#remove(request);
      throw instantUnknown(distribution, instant, await findFirstGeneration(database.read, distribution));
    }
    for (const oldest of this.#made.values()) {
      if (this.#made.size <= Math.max(limits.timeSnapshotCountMax, 1)) break;
      await this.#remove(oldest);
    }
  }

  #remember(request: TimeSnapshotRequest): void {
    const key = keyOf(request);
    this.#made.delete(key);
    this.#made.set(key, request);
  }

  async #remove(request: TimeSnapshotRequest): Promise<void> {
    const { paths, logger } = this.#ctx;
    this.#made.delete(keyOf(request));
    await removeFrozenIndexes(placeOf(paths, request));

    const root = paths.timeSnapshot(request.repositoryId, request.instant);
    try {
      await rmdir(join(root, "dists"));
      await rm(root, { recursive: true, force: true });
    } catch {
      // Another distribution of the same instant is there.
      logger.debug("a snapshot by time was deleted beside others", { ...request });
    }
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}

function placeOf(paths: ArchivePaths, { repositoryId, distribution, instant }: TimeSnapshotRequest) {
  const root = paths.timeSnapshot(repositoryId, instant);
  return { basePath: join(root, "generations", distribution), linkPath: join(root, "dists", distribution) };
}

function keyOf({ repositoryId, instant, distribution }: TimeSnapshotRequest): string {
  return `${repositoryId}/${instant}/${distribution}`;
}

function later(left: Date, right: Date): Date {
  return left > right ? left : right;
}

async function listDirectory(path: string): Promise<string[]> {
  const names = await readdir(path).catch((): string[] => []);
  return names.filter((name) => !name.startsWith("."));
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}

function instantInvalid(instant: string): AppError {
  return new AppError({
    kind: "not-found",
    code: "INSTANT_INVALID",
    message: `${instant.slice(0, 100)} is no instant`,
    hint: "An instant is written as 20261122T130513Z: year, month, day, T, hour, minute, second, Z, in UTC",
  });
}

function distributionUnknown(repositoryId: string, distribution: string): AppError {
  return new AppError({
    kind: "not-found",
    code: "DISTRIBUTION_UNKNOWN",
    message: `repository ${repositoryId.slice(0, 100)} has no distribution ${distribution.slice(0, 100)}`,
    hint: "mini-buildd status lists the distributions",
  });
}

function instantUnknown(distribution: string, instant: string, first: PublishedGeneration | undefined): AppError {
  return new AppError({
    kind: "not-found",
    code: "INSTANT_UNKNOWN",
    message: `there is no ${distribution} as of ${instant}`,
    hint:
      first === undefined
        ? "It was not published yet"
        : `Its history goes from ${formatInstant(first.releaseDate)} until now; times are in UTC`,
    facts: { distribution, instant },
  });
}
