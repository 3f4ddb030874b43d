import type { Database, DatabaseLocation } from "../database/index.ts";
import type { Clock, Limits, Logger } from "../runtime/index.ts";
import { ArchivePaths } from "./archive-paths.ts";
import { ContentStore } from "./content-store.ts";
import { NamedSnapshots } from "./named-snapshots.ts";
import { PoolLock } from "./pool-lock.ts";
import type { SignRelease } from "./publish.ts";
import { Publisher } from "./publisher.ts";
import { Renderer } from "./renderer.ts";
import { Retention } from "./retention.ts";
import { SnapshotRenderer } from "./snapshot-renderer.ts";
import { TimeSnapshots } from "./time-snapshots.ts";
import { type FindCopies, Verification } from "./verification.ts";

export interface ArchiveOptions {
  readonly database: Database;
  /** Of the same database, for the processes that render. */
  readonly location: DatabaseLocation;
  readonly homePath: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: Limits;
  readonly sign: SignRelease;
  /** Files outside of the archive that may hold a content, to repair it from; default: none. */
  readonly findCopies?: FindCopies | undefined;
}

/** The parts of the archive that live: the content store, the publisher, snapshots, retention and verification. */
export class Archive {
  readonly paths: ArchivePaths;
  readonly contentStore: ContentStore;
  readonly #renderer: Renderer;
  readonly #publisher: Publisher;
  readonly timeSnapshots: TimeSnapshots;
  readonly namedSnapshots: NamedSnapshots;
  readonly retention: Retention;
  readonly verification: Verification;
  readonly #snapshotRenderer: SnapshotRenderer;

  constructor(options: ArchiveOptions) {
    this.paths = new ArchivePaths(options.homePath);
    this.contentStore = new ContentStore(this.paths, options.clock);
    const poolLock = new PoolLock();
    this.#renderer = new Renderer(options.location, poolLock);
    const ctx = { ...options, paths: this.paths, renderer: this.#renderer };
    this.#publisher = new Publisher(ctx, options.logger);
    this.#snapshotRenderer = new SnapshotRenderer({
      publications: this.#renderer,
      own: new Renderer(options.location, poolLock),
    });
    const snapshotCtx = { ...ctx, renderer: this.#snapshotRenderer };
    this.timeSnapshots = new TimeSnapshots(snapshotCtx);
    this.namedSnapshots = new NamedSnapshots(snapshotCtx);
    const { contentStore, timeSnapshots } = this;
    this.retention = new Retention({ ...ctx, contentStore, timeSnapshots, poolLock });
    const { namedSnapshots } = this;
    const { findCopies = async () => [] } = options;
    this.verification = new Verification({ ...ctx, logger: options.logger, poolLock, namedSnapshots, findCopies });
  }

  /** Take up pending publications, and publish from now on. */
  async start(): Promise<void> {
    await this.contentStore.removeLeftovers();
    await this.timeSnapshots.start();
    await this.#publisher.start();
  }

  /** Finishes the publication that runs; others stay pending. */
  async stop(): Promise<void> {
    await this.#publisher.stop();
    await this.timeSnapshots.stop();
    await this.namedSnapshots.stop();
    await this.retention.stop();
    await this.verification.stop();
    await this.#renderer.close();
    await this.#snapshotRenderer.close();
  }

  /** Resolves when no publication is pending. */
  async untilPublished(): Promise<void> {
    await this.#publisher.untilIdle();
  }
}
