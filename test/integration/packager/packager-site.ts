import { createHash } from "node:crypto";
import { link, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExpressionBuilder } from "kysely";
import { afterEach, beforeEach } from "vitest";
import { Archive, ensureDistributions } from "../../../src/archive/index.ts";
import type { BuildOrder, BuildResult, OrderFile } from "../../../src/buildorder/index.ts";
import { Catalog, parseCatalog } from "../../../src/catalog/index.ts";
import type { Schema } from "../../../src/database/index.ts";
import { listEvents, type StoredEvent } from "../../../src/events/index.ts";
import { type BuildLease, buildDirectory, claimBuild, finishBuild, listBuilds } from "../../../src/farm/index.ts";
import {
  type IncomingDelivery,
  type PackagerContext,
  registerPackagerJobs,
  UploadReceiver,
} from "../../../src/packager/index.ts";
import { JobWorker } from "../../../src/queue/index.ts";
import type { Problem } from "../../../src/rules/index.ts";
import { defaultLimits } from "../../../src/runtime/index.ts";
import { distributionSettings } from "../../support/archive.ts";
import { type EngineKind, type TestDatabase, useDatabase } from "../../support/database.ts";
import {
  type ChangesOptions,
  changesName,
  type MadeFile,
  type MadeSource,
  makeChangesText,
  makeDeb,
  makeSource,
  type SourceOptions,
  writeMadeFile,
} from "../../support/packages.ts";
import { createRecordingLogger, type LoggedLine } from "../../support/recording-logger.ts";

export const UNSTABLE = "bookworm-test-unstable";

const CATALOG = `[archive-sources.debian]
from = "host"
[codenames.bookworm]
base = "debian"
architectures = ["amd64"]
optional-architectures = ["arm64"]
components = ["main", "contrib"]
deb-build-options = ["noudeb"]
add-depends = ["dpkg-dev"]
[repositories.test]
codenames = ["bookworm"]
uploads = "unsigned"
[repositories.signed]
codenames = ["bookworm"]
uploader-keyrings = ["uploaders.asc"]
[repositories.open]
codenames = ["bookworm"]
uploads = "unsigned"
uploader-keyrings = ["uploaders.asc"]
`;

const sources = { base: [{ name: "debian-bookworm", deb822: "Types: deb\n" }], extra: [] };

export type Delivered =
  | { readonly type: "accepted"; readonly uploadId: string }
  | { readonly type: "already-accepted"; readonly uploadId: string };

/** What a builder says; `debs` are made, stored and listed. */
export interface TestResult {
  readonly status?: BuildResult["status"];
  readonly reason?: string;
  readonly failedStep?: BuildResult["failedStep"];
  readonly missing?: BuildResult["missing"];
  readonly debs?: readonly MadeFile[];
}

export interface DeliverOptions extends Partial<ChangesOptions> {
  /** Between what was made and what comes in: signing, tampering. */
  readonly edit?: (text: string) => string | Uint8Array | Promise<string | Uint8Array>;
}

/**
 * Packager, farm and archive on a database of the test's own; deliveries and build results come from the test, jobs
 * are run by the real worker. Read its fields inside tests only.
 */
export class PackagerSite {
  readonly database: TestDatabase;
  context!: PackagerContext;
  receiver!: UploadReceiver;
  logged!: LoggedLine[];
  #archive!: Archive;
  #path = "";
  #etcPath = "";
  #count = 0;

  private constructor(database: TestDatabase) {
    this.database = database;
  }

  /** A site for each test of the describe block. */
  static use(engine: EngineKind = "sqlite"): PackagerSite {
    const site = new PackagerSite(useDatabase(engine));
    beforeEach(() => site.#open());
    afterEach(() => site.#close());
    return site;
  }

  async #open(): Promise<void> {
    this.#path = await mkdtemp(join(tmpdir(), "mbd-packager-"));
    this.#etcPath = join(this.#path, "etc", "keyrings");
    await mkdir(this.#etcPath, { recursive: true });
    const { database, location, clock } = this.database;
    const { logger, lines } = createRecordingLogger();
    this.logged = lines;
    const limits = { ...defaultLimits, publicationIntervalMsMax: 0, diskReserveBytes: 0 };
    // Nobody reads what is published here.
    const sign = async (release: Uint8Array) => ({ inRelease: release, releaseGpg: release });
    const homePath = join(this.#path, "home");
    this.#archive = new Archive({ database, location, homePath, clock, logger, limits, sign });
    const farm = { database, clock, logger, limits, buildsPath: join(homePath, "builds") };
    const catalog = this.makeCatalog(CATALOG);
    this.context = {
      database,
      logger,
      limits,
      farm,
      archive: this.#archive,
      catalog: () => catalog,
      uploaderKeys: () => Promise.resolve([]),
      ownAptSource: (name, priority, revision) => ({ name: `own-${name}`, deb822: `${priority}\n`, revision }),
      own: {
        identity: "Example",
        hostname: "mini-buildd.example.org",
        url: "http://mini-buildd.example.org:8066",
        publicKey: { armored: "" },
        clearsign: () => Promise.reject(new Error("this test signs nothing")),
        dputProfile: () => "{}\n",
        openWorkshop: undefined,
        externalKeyrings: [],
        migrate: () => Promise.reject(new Error("this test migrates nothing")),
      },
    };
    this.receiver = new UploadReceiver(this.context);
    await database.transaction((tx) => ensureDistributions(tx, archiveSettings(catalog)));
  }

  async #close(): Promise<void> {
    await this.#archive.stop();
    await rm(this.#path, { recursive: true, force: true });
  }

  makeCatalog(toml: string): Catalog {
    return new Catalog(parseCatalog(toml), new Map([["bookworm", { codeversion: "12", sources }]]), this.#etcPath);
  }

  /** Change what the packager works with, from now on. */
  change(part: Partial<PackagerContext>): void {
    this.context = { ...this.context, ...part };
    this.receiver = new UploadReceiver(this.context);
  }

  /** The keys that may upload to repository "signed". */
  async allowKeys(...armoredKeys: readonly string[]): Promise<void> {
    await writeFile(join(this.#etcPath, "uploaders.asc"), armoredKeys.join("\n"));
  }

  /** A directory of its own, for files of the same name. */
  newDirectory(): string {
    this.#count += 1;
    return join(this.#path, "made", String(this.#count));
  }

  /** hello, version 1.0-1~test12+1, arch:all, unless told otherwise. */
  makeSource(options: SourceOptions = {}): Promise<MadeSource> {
    return makeSource(this.newDirectory(), { version: "1.0-1~test12+1", ...options });
  }

  /** What incoming does with a whole delivery. */
  async deliver(source: MadeSource, options: DeliverOptions = {}): Promise<Delivered> {
    const { database } = this.database;
    const delivery = await this.#deliveryOf(source, options);
    const accepted = await this.receiver.findAcceptedUpload(database.read, delivery.changesSha256);
    if (accepted !== undefined) return { type: "already-accepted", uploadId: accepted };

    await this.receiver.stageUpload(delivery);
    const { uploadId } = await database.transaction((tx) => this.receiver.receiveUpload(tx, delivery));
    return { type: "accepted", uploadId };
  }

  /** A crash comes after the first half of a delivery. */
  async stageOnly(source: MadeSource): Promise<void> {
    await this.receiver.stageUpload(await this.#deliveryOf(source, {}));
  }

  async #deliveryOf(source: MadeSource, { edit = (text) => text, ...rest }: DeliverOptions): Promise<IncomingDelivery> {
    const changesBytes = Buffer.from(await edit(makeChangesText({ distribution: UNSTABLE, source, ...rest })));
    const files = rest.files ?? [source.dsc, ...source.files];
    return {
      changesName: changesName(source),
      changesBytes,
      changesSha256: createHash("sha256").update(changesBytes).digest("hex"),
      files: await Promise.all(files.map((file) => this.#quarantine(file))),
      channel: "ftp",
      peer: "192.0.2.1",
    };
  }

  async #quarantine(file: MadeFile) {
    const quarantinePath = join(this.newDirectory(), "received");
    await mkdir(join(quarantinePath, ".."), { recursive: true });
    await link(file.path, quarantinePath);
    return { name: file.name, sizeBytes: file.sizeBytes, sha256: file.sha256, quarantinePath };
  }

  /** Deliver, and run all jobs that follow. Returns the upload's id. */
  async upload(source: MadeSource, options: DeliverOptions = {}): Promise<string> {
    const { uploadId } = await this.deliver(source, options);
    await this.runJobs();
    return uploadId;
  }

  /** Until no job is due; those to be tried later stay. */
  async runJobs(): Promise<void> {
    const { database, clock } = this.database;
    const now = clock.now().toISOString();
    const worker = new JobWorker({ database, clock, logger: this.context.logger, pollIntervalMs: 60_000 });
    registerPackagerJobs(worker, this.context);
    const { promise: isIdle, resolve } = Promise.withResolvers<void>();
    const look = async (): Promise<void> => {
      const open = await database.read
        .selectFrom("jobs")
        .select("id")
        .where("state", "in", ["waiting", "leased"])
        .where((where) => where.or([where("state", "=", "leased"), where("run_at", "<=", now)]))
        .execute();
      if (open.length === 0) resolve();
    };
    const interval = setInterval(() => void look(), 5);
    worker.start();
    try {
      await isIdle;
    } finally {
      clearInterval(interval);
      await worker.drain();
    }
  }

  /** As after a crash between the work of each job and the record of its end. */
  async runJobsAgain(): Promise<void> {
    const newest = (query: ExpressionBuilder<Schema, "jobs">) =>
      // Of those with one key only one can wait.
      query
        .selectFrom("jobs")
        .select((each) => each.fn.max("id").as("id"))
        .groupBy(["dedupe_key"]);
    await this.database.database.transaction((tx) =>
      tx
        .updateTable("jobs")
        .set({ state: "waiting", ended_at: null })
        .where((where) => where("id", "in", newest(where)))
        .execute(),
    );
    await this.runJobs();
  }

  /** Build all that waits with one architecture, as a builder would, and run the jobs that follow. */
  async build(architecture: string, result: TestResult = {}): Promise<BuildOrder> {
    const order = await this.buildOnly(architecture, result);
    await this.runJobs();
    return order;
  }

  /** The jobs that follow are left to be run. */
  async buildOnly(architecture: string, result: TestResult = {}): Promise<BuildOrder> {
    const lease = await this.claim(architecture);
    await this.finish(lease, result);
    return lease.order;
  }

  async claim(architecture: string): Promise<BuildLease> {
    const lease = await claimBuild(this.context.farm, { builder: "tester", architectures: [architecture] });
    if (lease === undefined) throw new Error(`nothing waits for ${architecture}`);
    return lease;
  }

  async finish(lease: BuildLease, result: TestResult = {}): Promise<void> {
    const { status = "built", reason, failedStep, missing } = result;
    const debs = status === "built" ? (result.debs ?? (await this.#defaultDebs(lease.order))) : undefined;
    const files = debs === undefined ? [] : await this.#store(lease.buildId, debs);
    await finishBuild(this.context.farm, lease, { status, reason, failedStep, missing, files, checks: [] });
  }

  async #defaultDebs({ source, version }: BuildOrder): Promise<MadeFile[]> {
    return [await makeDeb(this.newDirectory(), { name: source, version })];
  }

  async #store(buildId: string, files: readonly MadeFile[]): Promise<OrderFile[]> {
    const directory = buildDirectory(this.context.farm, buildId);
    const buildinfo = await writeMadeFile(this.newDirectory(), "hello_1.0_amd64.buildinfo", Buffer.from(buildId));
    await mkdir(directory, { recursive: true });
    for (const file of [...files, buildinfo]) await link(file.path, join(directory, file.name));
    return [...files, buildinfo].map(({ name, sizeBytes, sha256 }) => ({ name, sizeBytes, sha256 }));
  }

  /** A version from delivery to installed. */
  async install(options: SourceOptions = {}, delivery: DeliverOptions = {}): Promise<{ uploadId: string; source: MadeSource }> {
    const source = await this.makeSource(options);
    const uploadId = await this.upload(source, delivery);
    if ((await this.state(uploadId)) === "building") await this.build("amd64");
    const state = await this.state(uploadId);
    if (state !== "installed") throw new Error(`${uploadId} is ${state}: ${JSON.stringify(await this.problems(uploadId))}`);
    return { uploadId, source };
  }

  async #row(uploadId: string) {
    return this.database.database.read.selectFrom("uploads").selectAll().where("id", "=", uploadId).executeTakeFirstOrThrow();
  }

  async state(uploadId: string): Promise<string> {
    return (await this.#row(uploadId)).state;
  }

  async problems(uploadId: string): Promise<Problem[]> {
    return JSON.parse((await this.#row(uploadId)).problems) as Problem[];
  }

  async signer(uploadId: string): Promise<string | null> {
    return (await this.#row(uploadId)).signer_fingerprint;
  }

  /** State and codes of the reasons: "rejected VERSION_KNOWN SOURCE_MISSING". */
  async verdict(uploadId: string): Promise<string> {
    return [await this.state(uploadId), ...(await this.problems(uploadId)).map(({ code }) => code)].join(" ");
  }

  /** Oldest first. */
  async events(uploadId: string): Promise<StoredEvent[]> {
    return (await listEvents(this.database.database.read, { uploadId, limit: 1000 })).reverse();
  }

  /** Types of the events that the original's clients see, oldest first. */
  async publicEvents(uploadId: string): Promise<string[]> {
    return (await this.events(uploadId)).map(({ type }) => type).filter((type) => type === type.toUpperCase());
  }

  async order(uploadId: string, architecture: string): Promise<BuildOrder> {
    const builds = await listBuilds(this.database.database.read, uploadId);
    const build = builds.find((candidate) => candidate.architecture === architecture);
    if (build === undefined) throw new Error(`${uploadId} has no build for ${architecture}`);
    return build.order;
  }
}

/** Only those that tests upload to: each is published. */
function archiveSettings(catalog: Catalog) {
  const used = catalog.listDistributions().filter(({ suite }) => ["unstable", "experimental"].includes(suite.name));
  return used.map(({ name, repositoryId, components, architectures, suite }) =>
    distributionSettings(name, {
      repositoryId,
      components,
      keep: suite.keep,
      architectures: architectures.map((architecture) => architecture.name),
    }),
  );
}
