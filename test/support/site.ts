import { appendFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { type BuildResult, buildFailure } from "../../src/buildorder/index.ts";
import { type Catalog, parseCatalog, resolveCatalog } from "../../src/catalog/index.ts";
import { readDputGlobal } from "../../src/daemon/dput-global.ts";
import { type DaemonLog, logActs, makeLog, startLog } from "../../src/daemon/log.ts";
import { type Database, openDatabase, type Transaction } from "../../src/database/index.ts";
import { EventLog, type NewEvent, recordEvent } from "../../src/events/index.ts";
import type { OperationContext } from "../../src/handlers/index.ts";
import { createHttpServer, type HttpLimits, type HttpServer } from "../../src/http/index.ts";
import type { ProblemView } from "../../src/operations/index.ts";
import { AppError, defaultLimits, silentLogger, systemClock } from "../../src/runtime/index.ts";
import { listUploaders, logFilePath, servedRepositories } from "../../src/views/index.ts";
import { createWebPages } from "../../src/web/index.ts";
import { distributionSettings } from "./archive.ts";
import { EXAMPLE_CATALOG } from "./example-catalog.ts";
import { makeHistory } from "./history.ts";
import { makeMovement } from "./movement.ts";

const PUBLIC_KEY = `-----BEGIN PGP PUBLIC KEY BLOCK-----

${"mDMEZexampleexampleexampleexampleexampleexampleexampleexampleexa\n".repeat(5)}=abcd
-----END PGP PUBLIC KEY BLOCK-----
`;

export interface SiteUpload {
  readonly source: string;
  readonly version: string;
  readonly state: string;
  readonly distribution?: string;
  readonly problems?: readonly ProblemView[];
  readonly agoMs?: number;
}

export interface SiteBuild {
  readonly uploadId: string;
  readonly architecture: string;
  readonly state: string;
  readonly attempt?: number;
  readonly result?: BuildResult;
  readonly reason?: string;
  readonly steps?: readonly { readonly step: string; readonly outcome: string | null; readonly note?: string }[];
}

/** The server with all pages and APIs on rows that a test writes; no daemon, no archive, no builds. */
export class TestSite {
  readonly home: string;
  readonly database: Database;
  readonly context: OperationContext;
  /** What acts were asked for. */
  readonly acts: string[] = [];
  /** What was asked over HTTP, as it is logged. */
  readonly accessLines: string[] = [];
  readonly log: DaemonLog;
  #server: HttpServer | undefined;
  #port = 0;
  #uploadCount = 0;

  private constructor(home: string, database: Database, catalog: Catalog) {
    this.home = home;
    this.database = database;
    const served = servedRepositories(catalog);
    this.log = makeLog({ log: { level: "info", keep: true, access: false }, limits: defaultLimits, home });
    this.context = {
      instance: {
        version: "0.1.0",
        identity: "example",
        hostname: "mini-buildd.example.org",
        origin: "Example archive",
        url: "http://mini-buildd.example.org:8066",
        ftpPort: 8067,
        encryption: { ftps: "off", certificateFingerprint: undefined, httpsUrl: undefined, sftp: undefined },
        parallelBuilds: 2,
        publicKey: PUBLIC_KEY,
      },
      views: { db: database.read, events: new EventLog(database), buildsPath: join(home, "builds"), served: () => served },
      accounts: {
        database,
        clock: systemClock,
        logger: silentLogger,
        registration: "approval",
        url: "http://mini-buildd.example.org:8066",
        sendMail: undefined,
      },
      engine: {
        isStopped: () => false,
        start: () => void this.acts.push("start"),
        stop: () => void this.acts.push("stop"),
        cronjobs: () => Promise.resolve([]),
        runCronjob: (id) => Promise.resolve(void this.acts.push(`cronjob ${id}`)),
        remakeBaseLayers: (keys) => Promise.resolve(Object.fromEntries((keys ?? []).map((key) => [key, "Success"]))),
        republish: () => Promise.resolve(void this.acts.push("reindex")),
      },
      log: logActs(this.log),
      listUploaders: (repositories) => listUploaders({ db: database.read, catalog }, repositories),
      planCatalog: () => Promise.resolve({ changes: [{ summary: "+ repository team", loses_packages: false }] }),
      applyCatalog: ({ withLoss, by }) => {
        this.acts.push(`apply withLoss=${withLoss} by ${by.name}`);
        return Promise.resolve({ changes: [{ summary: "+ repository team", loses_packages: false }] });
      },
      retryUpload: (key, by) => {
        this.acts.push(`retry ${key} by ${by.name}`);
        return Promise.resolve("retried_1.0_source.changes");
      },
      cancelBuild: (id, by) => {
        if (id.includes("nope")) throw new AppError({ kind: "conflict", code: "BUILD_ENDED", message: `build ${id} has ended` });
        this.acts.push(`cancel ${id} by ${by.name}`);
        return Promise.resolve(id);
      },
      history: makeHistory(database),
      dputGlobal: () => readDputGlobal(join(home, "etc")),
      ownSources: makeOwnSources(this.acts),
      movement: makeMovement({
        database,
        location: { kind: "sqlite", path: join(home, "database", "x.sqlite") },
        cachePath: join(home, "cache"),
      }),
    };
  }

  /** With a database of its own, unless one is given. */
  static async open(options: { readonly emptyCatalog?: true; readonly database?: Database } = {}): Promise<TestSite> {
    const home = await mkdtemp(join(tmpdir(), "mbd-site-"));
    const location = { kind: "sqlite", path: join(home, "database", "x.sqlite") } as const;
    const database = options.database ?? (await openDatabase(location, { clock: systemClock, logger: silentLogger }));
    const catalog = await resolveCatalog(parseCatalog(options.emptyCatalog ? "" : EXAMPLE_CATALOG), {
      etcPath: join(home, "etc"),
    });
    const site = new TestSite(home, database, catalog);
    await startLog(site.log, home);
    return site;
  }

  /** Listen on a port of the system's choice, or on the same one again. Returns the base URL. */
  async start(limits: Partial<HttpLimits> = {}): Promise<string> {
    const pages = createWebPages({ context: this.context, clock: systemClock });
    this.#server = createHttpServer({
      context: this.context,
      logger: silentLogger,
      accessLog: (line) => void this.accessLines.push(line),
      limits: { ...defaultLimits, ...limits },
      pages,
    });
    const { port } = await this.#server.listen({
      endpoints: [{ port: this.#port, address: "127.0.0.1" }],
      controlSocketPath: this.controlSocketPath,
    });
    this.#port = port;
    return `http://127.0.0.1:${port}`;
  }

  get controlSocketPath(): string {
    return join(this.home, "run", "control.sock");
  }

  async stop(): Promise<void> {
    await this.#server?.close();
  }

  async close(): Promise<void> {
    await this.stop();
    await this.database.close();
    await this.closeHome();
  }

  /** All but the database, which was given. */
  async closeHome(): Promise<void> {
    await this.stop();
    await rm(this.home, { recursive: true, force: true });
  }

  /** Returns the upload's id. */
  async addUpload(upload: SiteUpload): Promise<string> {
    const receivedAt = new Date(systemClock.now().getTime() - (upload.agoMs ?? 60_000));
    const stamp = receivedAt.toISOString();
    const timecode = `${stamp.slice(0, 10).replaceAll("-", "")}:${stamp.slice(11, 19).replaceAll(":", "")}:${String(++this.#uploadCount).padStart(6, "0")}`;
    const id = `${upload.source}/${upload.version}/${timecode}`;
    const hasEnded = ["installed", "rejected", "failed"].includes(upload.state);
    await this.database.transaction(async (tx) => {
      await tx
        .insertInto("uploads")
        .values({
          id,
          state: upload.state,
          source: upload.source,
          version: upload.version,
          distribution: upload.distribution ?? "bookworm-test-unstable",
          timecode,
          changes_name: `${upload.source}_${upload.version}_source.changes`,
          changes_sha256: "0".repeat(64),
          changes_text: "",
          signer_fingerprint: null,
          channel: "ftp",
          peer: "127.0.0.1",
          problems: JSON.stringify(upload.problems ?? []),
          received_at: stamp,
          ended_at: hasEnded ? new Date(receivedAt.getTime() + 42_300).toISOString() : null,
        })
        .execute();
      const file = { upload_id: id, name: `${upload.source}_${upload.version}.dsc`, size_bytes: 1_234, sha256: "1".repeat(64) };
      await tx.insertInto("upload_files").values(file).execute();
    });
    return id;
  }

  /** Returns the build's id. */
  async addBuild(build: SiteBuild): Promise<string> {
    const attempt = build.attempt ?? 1;
    const id = `${build.uploadId}/${build.architecture}${attempt === 1 ? "" : `~${attempt}`}`;
    const startedAt = systemClock.now().getTime() - 25_000;
    const hasEnded = !["waiting", "leased"].includes(build.state);
    await this.database.transaction(async (tx) => {
      await tx
        .insertInto("builds")
        .values({
          id,
          upload_id: build.uploadId,
          architecture: build.architecture,
          attempt,
          builds_all: build.architecture === "amd64" ? 1 : 0,
          is_optional: build.architecture === "arm64" ? 1 : 0,
          state: build.state,
          priority: 0,
          build_order: "{}",
          result: build.result === undefined ? null : JSON.stringify(build.result),
          reason: build.reason ?? null,
          not_before: new Date(startedAt).toISOString(),
          waits_for: null,
          first_attempt: 1,
          is_announced: build.state === "waiting" ? 0 : 1,
          lease_expires_at: null,
          builder: build.state === "waiting" ? null : "local",
          created_at: new Date(startedAt).toISOString(),
          started_at: build.state === "waiting" ? null : new Date(startedAt).toISOString(),
          ended_at: hasEnded ? new Date(startedAt + 21_000).toISOString() : null,
        })
        .execute();
      await addSteps(tx, id, startedAt, build.steps ?? []);
    });
    return id;
  }

  async setBuildState(id: string, state: string): Promise<void> {
    await this.database.transaction(async (tx) => {
      await tx.updateTable("builds").set({ state }).where("id", "=", id).execute();
    });
  }

  /** Rows change, then the event wakes the pages, as the real modules do it. */
  async change(work: (tx: Transaction) => Promise<void>, event: NewEvent): Promise<void> {
    await this.database.transaction(async (tx) => {
      await work(tx);
      await recordEvent(tx, event);
    });
  }

  async record(event: NewEvent): Promise<void> {
    await this.change(() => Promise.resolve(), event);
  }

  async appendLog(buildId: string, text: string | Uint8Array): Promise<void> {
    const path = this.logPath(buildId);
    await mkdir(dirname(path), { recursive: true });
    await appendFile(path, text);
  }

  async writeKeptLog(buildId: string, text: string): Promise<void> {
    const path = `${this.logPath(buildId)}.gz`;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, gzipSync(text));
  }

  logPath(buildId: string): string {
    return logFilePath(join(this.home, "builds"), buildId);
  }

  /** Source packages, each with two binary packages and an older version of every third. */
  async addPackages(distribution: string, count: number): Promise<void> {
    await this.database.transaction(async (tx) => {
      await addDistribution(tx, distribution);
      for (let number = 0; number < count; number++) await addPackage(tx, distribution, number);
    });
  }
}

async function addSteps(
  tx: Transaction,
  buildId: string,
  startedAt: number,
  steps: NonNullable<SiteBuild["steps"]>,
): Promise<void> {
  let at = startedAt;
  for (const { step, outcome, note } of steps) {
    const end = at + 3_210;
    await tx
      .insertInto("build_steps")
      .values({
        build_id: buildId,
        step,
        started_at: new Date(at).toISOString(),
        ended_at: outcome === null ? null : new Date(end).toISOString(),
        outcome,
        note: note ?? null,
        log_offset_bytes: 0,
      })
      .execute();
    at = end;
  }
}

async function addDistribution(tx: Transaction, name: string): Promise<void> {
  await tx
    .insertInto("distributions")
    .values({
      name,
      repository_id: "test",
      settings: JSON.stringify(distributionSettings(name)),
      change: 1,
      next_sequence: 1,
      created_at: tx.now().toISOString(),
    })
    .execute();
}

async function addPackage(tx: Transaction, distribution: string, number: number): Promise<void> {
  const name = `${["hello", "libfoo", "g++-extra", "python-thing"][number % 4]}${String(number).padStart(3, "0")}`;
  const versions = number % 3 === 0 ? ["1.0-1~test12+1", "1.0-9~test12+1"] : ["1.0-10~test12+1"];
  for (const version of versions) await addVersion(tx, { distribution, name, version });
}

async function addVersion(tx: Transaction, version: { distribution: string; name: string; version: string }): Promise<void> {
  const added = { repository_id: "test", component: "main", section: "misc", added_at: tx.now().toISOString() };
  const { id } = await tx
    .insertInto("source_packages")
    .values({
      ...added,
      name: version.name,
      version: version.version,
      dsc_path: `pool/main/h/${version.name}/${version.name}.dsc`,
      stanza: "",
    })
    .returning("id")
    .executeTakeFirstOrThrow();
  const membership = { distribution: version.distribution, sequence: 1, valid_from: 1, valid_to: null };
  await tx
    .insertInto("source_memberships")
    .values({ ...membership, source_package_id: id })
    .execute();

  for (const [name, architecture] of [
    [version.name, "amd64"],
    [`${version.name}-doc`, "all"],
  ] as const) {
    const sha256 = `${name}_${version.version}`;
    await tx
      .insertInto("pool_files")
      .values({ sha256, size_bytes: 1, md5: "", sha1: "", sha512: "", added_at: added.added_at })
      .execute();
    const binary = await tx
      .insertInto("binary_packages")
      .values({
        ...added,
        kind: "deb",
        name,
        version: version.version,
        architecture,
        source: version.name,
        source_version: version.version,
        description: "an example of a package",
        path: `pool/${name}.deb`,
        sha256,
        size_bytes: 1,
        stanza: "",
      })
      .returning("id")
      .executeTakeFirstOrThrow();
    await tx
      .insertInto("binary_memberships")
      .values({ ...membership, binary_package_id: binary.id })
      .execute();
  }
}

/** A running build, a failed one, a rejected and an installed upload, and 200 packages: what pages must look good with. */
export async function fillSite(
  site: TestSite,
): Promise<{ runningUpload: string; runningBuild: string; failedUpload: string; failedBuild: string; rejectedUpload: string }> {
  const distribution = "bookworm-test-unstable";
  await site.addPackages(distribution, 200);
  for (let number = 0; number < 30; number++) {
    const upload = await site.addUpload({
      source: `hello${number * 4}`,
      version: "1.0-10~test12+1",
      state: "installed",
      agoMs: (60 - number) * 3_600_000,
    });
    const about = { uploadId: upload, source: `hello${number * 4}`, version: "1.0-10~test12+1", distribution };
    for (const type of ["PACKAGING", "BUILDING", "BUILT", "INSTALLED"] as const) {
      await site.record({
        ...about,
        type,
        architecture: type.startsWith("BUIL") ? "amd64" : "source",
        data: type === "BUILT" ? { status: "built" } : {},
      });
    }
  }

  const rejectedUpload = await site.addUpload({
    source: "mismatch",
    version: "1.0",
    state: "rejected",
    agoMs: 900_000,
    problems: [
      {
        code: "VERSION_NOT_FOR_SUITE",
        message: "version 1.0 is not one for suite unstable of repository test: a suffix like ~test12+1 is expected",
        hint: "Use for instance 1.0~test12+1",
      },
      {
        code: "SIGNATURE_KEY_UNKNOWN",
        message: "the .changes is signed by key 0123456789ABCDEF, which no uploader of this repository owns",
      },
    ],
  });
  await site.record({
    type: "REJECTED",
    uploadId: rejectedUpload,
    source: "mismatch",
    version: "1.0",
    distribution,
    data: { error: "version 1.0 is not one for suite unstable of repository test: a suffix like ~test12+1 is expected" },
  });

  const failedUpload = await site.addUpload({
    source: "broken",
    version: "2.0-1~test12+1",
    state: "failed",
    agoMs: 300_000,
    problems: [
      {
        code: "BUILD_FAILED",
        message: "the build on amd64 failed in step build: debian/rules build ended with status 2",
        hint: "See the end of its log",
      },
    ],
  });
  const failedBuild = await addFailedBuild(site, failedUpload);

  const runningUpload = await site.addUpload({
    source: "libgreat",
    version: "1:4.2-3~test12+1",
    state: "building",
    agoMs: 30_000,
  });
  const runningBuild = await site.addBuild({
    uploadId: runningUpload,
    architecture: "amd64",
    state: "leased",
    steps: [
      { step: "prepare", outcome: "ok", note: "dependency layer made in 4.1 s (12 packages)" },
      { step: "build", outcome: null },
    ],
  });
  await site.addBuild({ uploadId: runningUpload, architecture: "arm64", state: "waiting", reason: "no builder for arm64 yet" });
  await site.appendLog(
    runningBuild,
    Array.from({ length: 300 }, (_, line) => `gcc -O2 -c source${line}.c -o build/source${line}.o\n`).join(""),
  );
  await site.record({
    type: "PACKAGING",
    uploadId: runningUpload,
    source: "libgreat",
    version: "1:4.2-3~test12+1",
    distribution,
    architecture: "source",
  });
  await site.record({
    type: "BUILDING",
    uploadId: runningUpload,
    buildId: runningBuild,
    source: "libgreat",
    version: "1:4.2-3~test12+1",
    distribution,
    architecture: "amd64",
  });
  return { runningUpload, runningBuild, failedUpload, failedBuild, rejectedUpload };
}

async function addFailedBuild(site: TestSite, uploadId: string): Promise<string> {
  const reason = "debian/rules build ended with status 2";
  const lost = await site.addBuild({
    uploadId,
    architecture: "amd64",
    state: "lost",
    reason: "the builder stopped renewing its lease",
    steps: [{ step: "prepare", outcome: "lost" }],
  });
  const build = await site.addBuild({
    uploadId,
    architecture: "amd64",
    attempt: 2,
    state: "done",
    reason,
    result: {
      status: "package-failed",
      reason,
      failedStep: "build",
      failure: buildFailure("compiler", {
        logLine: 51,
        excerpt: {
          firstLine: 50,
          lines: ["dh build", "main.c:3: error: <b>expected</b> ';'", "make: *** [Makefile:2: main.o] Error 1"],
        },
      }),
      files: [],
      products: [
        { name: "obj-x86_64-linux-gnu_config.log", sizeBytes: 12_345, sha256: "0".repeat(64) },
        { name: "broken_2.0-1~test12+1_amd64.build-tree.tar.zst", sizeBytes: 1_234_567, sha256: "1".repeat(64) },
      ],
      testbedKeptUntil: new Date(systemClock.now().getTime() + 3_600_000).toISOString(),
      checks: [
        {
          name: "lintian",
          outcome: "fail",
          summary: "1 error, 1 warning",
          tags: [
            { level: "E", package: "broken", tag: "no-copyright-file", details: "" },
            {
              level: "W",
              package: "broken",
              tag: "initial-upload-closes-no-bugs",
              details: "[usr/share/doc/broken/changelog.gz:1]",
            },
          ],
        },
      ],
    },
    steps: [
      { step: "prepare", outcome: "ok", note: "dependency layer reused" },
      { step: "build", outcome: "package-failed", note: reason },
    ],
  });
  await site.writeKeptLog(
    build,
    `${"dh build\n".repeat(50)}\u001b[31mmain.c:3: error: <b>expected</b> ';'\u001b[0m\nmake: *** [Makefile:2: main.o] Error 1\n`,
  );
  const about = { uploadId, source: "broken", version: "2.0-1~test12+1", distribution: "bookworm-test-unstable" };
  await site.record({ ...about, type: "PACKAGING", architecture: "source" });
  await site.record({ ...about, type: "BUILDING", buildId: lost, architecture: "amd64" });
  await site.record({
    ...about,
    type: "BUILT",
    buildId: build,
    architecture: "amd64",
    data: { status: "package-failed", reason },
  });
  await site.record({
    ...about,
    type: "FAILED",
    architecture: "source",
    data: { error: `the build on amd64 failed in step build: ${reason}` },
  });
  return build;
}

/** Writes down what was asked for. */
function makeOwnSources(acts: string[]): OperationContext["ownSources"] {
  const asked = (what: string, distributions: readonly string[] = []) => {
    acts.push([what, ...distributions].join(" "));
    const made = distributions.map((distribution, id) => ({
      id,
      source: "made",
      version: "1",
      distribution,
      dscUrl: "http://x/made_1.dsc",
    }));
    return Promise.resolve(made);
  };
  return {
    port: ({ source, from, to, by }) => asked(`port ${source} from ${from} by ${by.name} to`, to),
    portExternal: ({ dscUrl, to, by }) => asked(`port ${dscUrl} by ${by.name} to`, to),
    rebuild: ({ source, distribution, by }) => {
      acts.push(`rebuild ${source} in ${distribution} by ${by.name}`);
      const [sourceVersion, version] = ["1.0-1", "1.0-1+b1"];
      const about = { method: "binnmu", source, sourceVersion, version, distribution } as const;
      return Promise.resolve({
        ...about,
        architectures: ["amd64"],
        uploadId: "hello/1.0-1+b1/20261122:130513:909198",
        notes: [],
      });
    },
    keyringPackages: ({ distributions, by }) => asked(`keyring packages by ${by.name}`, distributions),
    testPackages: ({ distributions, by }) => asked(`test packages by ${by.name}`, distributions),
    debdiff: ({ source }) => Promise.resolve(`diff of ${source}\n`),
    mirror: ({ wait, by }) => asked(`mirror${wait ? "" : " without waiting"} by ${by}`).then(() => undefined),
    mirrors: () => Promise.resolve([]),
  };
}
