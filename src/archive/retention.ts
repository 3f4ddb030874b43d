import { rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Database, Transaction } from "../database/index.ts";
import type { Clock, Limits } from "../runtime/index.ts";
import type { ArchivePaths } from "./archive-paths.ts";
import type { ContentStore } from "./content-store.ts";
import { listDistributions } from "./distributions.ts";
import { findHorizon, forgetGenerations, forgetMemberships, type Horizon, MEMBERSHIP_TABLES } from "./forget-history.ts";
import { findLeavingVersions, type LeavingVersion, removeLeavingVersions } from "./leaving-versions.ts";
import type { PoolLock } from "./pool-lock.ts";
import type { TimeSnapshots } from "./time-snapshots.ts";
import {
  deleteBinaryPackages,
  deleteBuildinfos,
  deleteContents,
  deletePaths,
  deleteSourcePackages,
  listBuiltUsing,
  nextBuildinfoNames,
  nextContents,
  nextIds,
  nextPaths,
} from "./unreferenced.ts";

export interface RetentionContext {
  readonly database: Database;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly paths: ArchivePaths;
  readonly contentStore: ContentStore;
  readonly poolLock: PoolLock;
  readonly timeSnapshots: TimeSnapshots;
}

/** What retention takes away, or would take away. */
export interface RetentionReport {
  /** Older versions that leave their distribution; they stay in its history. */
  readonly leaving: readonly LeavingVersion[];
  readonly forgotten: readonly ForgottenHistory[];
  readonly sourcePackages: number;
  readonly binaryPackages: number;
  /** Places in repositories, .buildinfo files among them. */
  readonly files: number;
  /** Of contents that no repository has any more. */
  readonly freedBytes: number;
}

export interface ForgottenHistory {
  readonly distribution: string;
  /** History begins here afterwards. */
  readonly before: Date;
  readonly generations: number;
  /** Stays of packages in it, source and binary. */
  readonly memberships: number;
}

/** Rows looked at in one transaction. */
const PAGE_ROWS = 500;

/** Work in transactions of its own, a page each; or all in one, which is undone in the end. */
type InTransaction = <T>(work: (tx: Transaction) => Promise<T>) => Promise<T>;

/**
 * What suites and history keep no longer goes, and then everything that nothing refers to: not a distribution, not its
 * remembered history, not a snapshot, not a Built-Using. A dry run is the very same, undone before anybody sees it.
 */
export class Retention {
  readonly #ctx: RetentionContext;
  #last: Promise<unknown> = Promise.resolve();

  constructor(ctx: RetentionContext) {
    this.#ctx = ctx;
  }

  /** What apply() would do now. Other changes wait meanwhile. */
  async preview(): Promise<RetentionReport> {
    const undone = new Undone();
    try {
      return await this.#ctx.database.transaction(async (tx) => {
        undone.report = await new RetentionRun(this.#ctx, (work) => work(tx)).run();
        throw undone;
      });
    } catch (error) {
      if (error !== undone || undone.report === undefined) throw error;
      return undone.report;
    }
  }

  /** Do it, one run at a time. A crash leaves work for the next run, and files without rows for verification. */
  async apply(): Promise<RetentionReport> {
    const { database } = this.#ctx;
    const running = this.#last.then(() => new RetentionRun(this.#ctx, (work) => database.transaction(work)).runForGood());
    this.#last = running.catch(() => undefined);
    return running;
  }

  async stop(): Promise<void> {
    await this.#last;
  }
}

/** Thrown to undo a transaction. */
class Undone extends Error {
  report: RetentionReport | undefined;
}

class RetentionRun {
  readonly #ctx: RetentionContext;
  readonly #inTransaction: InTransaction;
  readonly #addedBefore: Date;
  #isForGood = false;
  #counts = { sourcePackages: 0, binaryPackages: 0, files: 0, freedBytes: 0 };

  constructor(ctx: RetentionContext, inTransaction: InTransaction) {
    this.#ctx = ctx;
    this.#inTransaction = inTransaction;
    this.#addedBefore = new Date(ctx.clock.now().getTime() - ctx.limits.unreferencedAgeMsMin);
  }

  /** With the files, too. */
  async runForGood(): Promise<RetentionReport> {
    this.#isForGood = true;
    return this.run();
  }

  async run(): Promise<RetentionReport> {
    const leaving = await this.#removeOldVersions();
    const forgotten = await this.#forgetHistory();
    await this.#deletePackages();
    const repositoryIds = new Set((await this.#distributions()).map(({ repositoryId }) => repositoryId));
    for (const repositoryId of repositoryIds) await this.#deletePlaces(repositoryId);
    await this.#deleteContents();
    return { leaving, forgotten, ...this.#counts };
  }

  #distributions() {
    return this.#inTransaction((tx) => listDistributions(tx));
  }

  async #removeOldVersions(): Promise<LeavingVersion[]> {
    const now = this.#ctx.clock.now();
    const leaving: LeavingVersion[] = [];
    for (const settings of await this.#distributions()) {
      const gone = await this.#inTransaction(async (tx) => {
        const found = await findLeavingVersions(tx, settings, now);
        await removeLeavingVersions(tx, found);
        return found;
      });
      leaving.push(...gone);
    }
    return leaving;
  }

  async #forgetHistory(): Promise<ForgottenHistory[]> {
    const age = { now: this.#ctx.clock.now(), ageMsMin: this.#ctx.limits.byHashRetentionMs };
    const all: ForgottenHistory[] = [];
    for (const settings of await this.#distributions()) {
      const horizon = await this.#inTransaction((tx) => findHorizon(tx, settings, age));
      if (horizon === undefined) continue;
      const forgotten = await this.#forgetBefore(horizon);
      if (forgotten.generations + forgotten.memberships > 0) all.push(forgotten);
    }
    return all;
  }

  async #forgetBefore(horizon: Horizon): Promise<ForgottenHistory> {
    const { distribution, repositoryId, releaseDate } = horizon;
    const generations = await this.#inTransaction((tx) => forgetGenerations(tx, horizon));
    if (this.#isForGood) await this.#ctx.timeSnapshots.forgetBefore(repositoryId, distribution, releaseDate);

    let memberships = 0;
    for (const table of MEMBERSHIP_TABLES) {
      for (let gone = PAGE_ROWS; gone === PAGE_ROWS; memberships += gone) {
        gone = await this.#inTransaction((tx) => forgetMemberships(tx, table, { horizon, limit: PAGE_ROWS }));
      }
    }
    return { distribution, before: releaseDate, generations, memberships };
  }

  /** Binary packages first: sources that they were built using are free after them. */
  async #deletePackages(): Promise<void> {
    const builtUsing = new Set<string>();
    let newestSeen = 0;
    await this.#forEachPage("binary_packages", async (tx, ids) => {
      this.#counts.binaryPackages += await deleteBinaryPackages(tx, ids, this.#addedBefore);
      for (const key of await listBuiltUsing(tx, ids)) builtUsing.add(key);
      newestSeen = ids.at(-1) ?? newestSeen;
    });
    await this.#forEachPage("source_packages", async (tx, ids) => {
      const since = await nextIds(tx, "binary_packages", { after: newestSeen, limit: PAGE_ROWS });
      if (since.length > 0) for (const key of await listBuiltUsing(tx, since)) builtUsing.add(key);
      newestSeen = since.at(-1) ?? newestSeen;
      // More came than were looked at: leave it to the next run.
      if (since.length === PAGE_ROWS) return;
      this.#counts.sourcePackages += await deleteSourcePackages(tx, ids, { addedBefore: this.#addedBefore, builtUsing });
    });
  }

  async #forEachPage(
    table: "source_packages" | "binary_packages",
    work: (tx: Transaction, ids: readonly number[]) => Promise<void>,
  ): Promise<void> {
    for (let after = 0; ; ) {
      const ids = await this.#inTransaction(async (tx) => {
        const page = await nextIds(tx, table, { after, limit: PAGE_ROWS });
        if (page.length > 0) await work(tx, page);
        return page;
      });
      after = ids.at(-1) ?? after;
      if (ids.length < PAGE_ROWS) return;
    }
  }

  async #deletePlaces(repositoryId: string): Promise<void> {
    for (let after = ""; ; ) {
      const names = await this.#inTransaction(async (tx) => {
        const page = await nextBuildinfoNames(tx, repositoryId, { after, limit: PAGE_ROWS });
        if (page.length > 0) await deleteBuildinfos(tx, { repositoryId, names: page });
        return page;
      });
      after = names.at(-1) ?? after;
      if (names.length < PAGE_ROWS) break;
    }
    for (let after = ""; ; ) {
      const places = await this.#deletePageOfPlaces(repositoryId, after);
      after = places.at(-1) ?? after;
      if (places.length < PAGE_ROWS) return;
    }
  }

  /** Rows and links together, while nobody makes links: a place that is wanted again meanwhile gets its link after. */
  async #deletePageOfPlaces(repositoryId: string, after: string): Promise<readonly string[]> {
    const work = async (): Promise<readonly string[]> => {
      const { places, gone } = await this.#inTransaction(async (tx) => {
        const page = await nextPaths(tx, repositoryId, { after, limit: PAGE_ROWS });
        return { places: page, gone: page.length === 0 ? [] : await deletePaths(tx, { repositoryId, paths: page }) };
      });
      this.#counts.files += gone.length;
      if (this.#isForGood) for (const { path } of gone) await removeLink(this.#ctx.paths.repository(repositoryId), path);
      return places;
    };
    return this.#isForGood ? this.#ctx.poolLock.exclusive(work) : work();
  }

  async #deleteContents(): Promise<void> {
    for (let after = ""; ; ) {
      const { contents, gone } = await this.#inTransaction(async (tx) => {
        const page = await nextContents(tx, { after, limit: PAGE_ROWS });
        return { contents: page, gone: page.length === 0 ? [] : await deleteContents(tx, page, this.#addedBefore) };
      });
      for (const { sha256, sizeBytes } of gone) {
        this.#counts.freedBytes += sizeBytes;
        if (this.#isForGood) await this.#ctx.contentStore.discard(sha256, this.#ctx.limits.unreferencedAgeMsMin);
      }
      after = contents.at(-1) ?? after;
      if (contents.length < PAGE_ROWS) return;
    }
  }
}

/** And the directories that are empty without it. */
async function removeLink(repositoryPath: string, path: string): Promise<void> {
  await rm(join(repositoryPath, path), { force: true });
  for (let directory = dirname(path); directory.includes("/"); directory = dirname(directory)) {
    const isGone = await rmdir(join(repositoryPath, directory)).then(
      () => true,
      () => false,
    );
    if (!isGone) return;
  }
}
