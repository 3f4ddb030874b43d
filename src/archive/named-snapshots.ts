import { dirname, join } from "node:path";
import type { Database } from "../database/index.ts";
import { makeDirectory } from "../runtime/index.ts";
import type { DistributionSettings } from "./distribution-settings.ts";
import { loadDistribution, loadSettingsAt } from "./distributions.ts";
import { type FreezeContext, removeFrozenIndexes, removeUnfinishedLinks, writeFrozenIndexes } from "./frozen-indexes.ts";
import { findInForce, linkNamedSnapshots } from "./publish.ts";
import {
  advanceSnapshot,
  findSnapshot,
  forgetSnapshot,
  type NamedSnapshot,
  requestSnapshot,
  requestSnapshotDeletion,
  type SnapshotId,
  type SnapshotRequest,
} from "./snapshot-state.ts";

export interface NamedSnapshotContext extends FreezeContext {
  readonly database: Database;
}

/**
 * Kept sets of a distribution by name, at the original's place: dists/<distribution>/snapshots/<name>/. Their rows
 * come first, and go last; each generation leads to the same files by a relative link.
 */
export class NamedSnapshots {
  readonly #ctx: NamedSnapshotContext;
  /** One at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(ctx: NamedSnapshotContext) {
    this.#ctx = ctx;
  }

  /** Keep what a distribution holds now; readers see it on return. Throws what requestSnapshot throws. */
  async create(request: SnapshotRequest): Promise<void> {
    await this.#ctx.database.transaction((tx) => requestSnapshot(tx, request));
    await this.settle(request);
  }

  /** Throws `not-found` SNAPSHOT_UNKNOWN. */
  async delete(id: SnapshotId, by: string): Promise<void> {
    await this.#ctx.database.transaction((tx) => requestSnapshotDeletion(tx, id, by));
    await this.settle(id);
  }

  /** Do what the state of a snapshot asks for, if anything. May be called by several at once, and again after a crash. */
  async settle(id: SnapshotId): Promise<void> {
    const settled = this.#last.then(() => this.#settle(id));
    this.#last = settled.catch(() => undefined);
    await settled;
  }

  /** The files of a kept snapshot anew: they were damaged. Readers find nothing meanwhile. */
  async writeAgain(id: SnapshotId): Promise<void> {
    const written = this.#last.then(async () => {
      const snapshot = await findSnapshot(this.#ctx.database.read, id);
      if (snapshot?.state === "kept") await this.#write(snapshot);
    });
    this.#last = written.catch(() => undefined);
    await written;
  }

  /** Resolves when nothing is being written. */
  async stop(): Promise<void> {
    await this.#last;
  }

  async #settle(id: SnapshotId): Promise<void> {
    const snapshot = await findSnapshot(this.#ctx.database.read, id);
    if (snapshot?.state === "pending") await this.#write(snapshot);
    if (snapshot?.state === "deleting") await this.#remove(snapshot);
  }

  async #write(snapshot: NamedSnapshot): Promise<void> {
    const { database } = this.#ctx;
    const { distribution, name, change, releaseDate } = snapshot;
    const settings = await loadSettingsAt(database.read, distribution, change);
    const place = this.#placeOf(settings, name);
    await makeDirectory(dirname(place.linkPath));
    await removeUnfinishedLinks(dirname(place.linkPath));

    // reprepro's Suite of such a snapshot, which apt takes without a warning.
    const suite = `${distribution}/snapshots/${name}`;
    await writeFrozenIndexes(this.#ctx, { settings, change, releaseDate, suite, ...place });
    await this.#linkFromGenerationInForce(settings);

    await database.transaction(async (tx) => {
      const now = await findSnapshot(tx, snapshot);
      if (now?.state === "pending") await advanceSnapshot(tx, snapshot, { from: "pending", to: "kept" });
    });
  }

  async #remove(snapshot: NamedSnapshot): Promise<void> {
    const { database } = this.#ctx;
    const { settings } = await loadDistribution(database.read, snapshot.distribution);
    await removeFrozenIndexes(this.#placeOf(settings, snapshot.name));
    await database.transaction((tx) => forgetSnapshot(tx, snapshot));
  }

  /** Generations from before there were snapshots have no link to them. */
  async #linkFromGenerationInForce(settings: DistributionSettings): Promise<void> {
    const { paths } = this.#ctx;
    const inForce = await findInForce(paths, settings);
    if (inForce === undefined) return;
    await linkNamedSnapshots(paths, settings, join(paths.generations(settings.repositoryId, settings.name), inForce));
  }

  #placeOf({ repositoryId, name: distribution }: DistributionSettings, name: string): { basePath: string; linkPath: string } {
    const { paths } = this.#ctx;
    return {
      basePath: paths.namedSnapshot(repositoryId, distribution, name),
      linkPath: join(paths.namedSnapshotLinks(repositoryId, distribution), name),
    };
  }
}
