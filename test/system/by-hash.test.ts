import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findPublication, removeSourceVersion } from "../../src/archive/index.ts";
import { createDeliveryHandler } from "../../src/http/index.ts";
import { type Clock, type Limits, silentLogger, systemClock } from "../../src/runtime/index.ts";
import { type Session, Testbeds } from "../../src/testbed/index.ts";
import { type AptRoot, aptConfiguration, aptSource, makeAptRoot } from "../support/apt.ts";
import { distributionSettings, makeTestArchive, type TestArchive } from "../support/archive.ts";
import { ensureJudgeLayer } from "../support/judges.ts";
import { type MadeFile, makeDeb } from "../support/packages.ts";
import { type StaticServer, serveHandler } from "../support/static-server.ts";
import { layersDirectory } from "../support/testbeds.ts";

/**
 * Many publications under the hands of many clients of two releases, served by our own handler and its cache. The
 * network is slow by chance, so that between a client's InRelease and its indexes newer generations come. The clock runs
 * fast, since a Date has whole seconds and may not lie in the future: it starts in the past.
 */

const UNSTABLE = "bookworm-test-unstable";
/** Of the host's apt, and as many of another release's. */
const CLIENTS_PER_RELEASE = 25;
const OTHER_RELEASE = "trixie";
const PUBLICATIONS_MIN = 200;
const CHANGED_PER_CLIENT_MIN = 4;
/** Of the host's apt too, but they ask again at once: each sees many changes. */
const EAGER_CLIENTS = 8;
const CHANGED_PER_EAGER_CLIENT_MIN = 20;
const SUPERSEDED_MIN = 50;
const TIME_LIMIT_MS = 15 * 60_000;
/** Of by-hash files: several publications come in between. */
const LATENCY_MS_MAX = 2_000;
/** Of InRelease: clients wait most of their time, as so many at once would leave no processor for the publisher. */
const RELEASE_LATENCY_MS_MAX = 12_000;

let scratchPath: string;
let site: TestArchive;
let servers: StaticServer[];
let clients: AptClient[];
let eagerClients: AptClient[];
let testbeds: Testbeds;
let others: ReleaseClients;
let debs: MadeFile[];
let supersededRequests: number;

beforeEach(async () => {
  scratchPath = await mkdtemp(join(tmpdir(), "mbd-by-hash-"));
  debs = await Promise.all(["stays", "comes", "goes"].map((name) => makeDeb(scratchPath, { name })));
  clients = [];
  eagerClients = [];
  servers = [];
  supersededRequests = 0;
});

afterEach(async () => {
  for (const { apt } of allClients()) await apt.dispose();
  await others?.close();
  await testbeds?.close();
  for (const server of servers) await server.close();
  await site.dispose();
  await rm(scratchPath, { recursive: true, force: true });
});

async function setUp(limits: Partial<Limits>): Promise<void> {
  site = await makeTestArchive({ clock: fastClock(), limits: { publicationIntervalMsMax: 100, ...limits } });
  await site.ensure(distributionSettings(UNSTABLE, { components: ["main"] }));
  await site.install(UNSTABLE, { debs: debs.slice(0, 1) });
  await site.archive.untilPublished();
  const patient = await serve(RELEASE_LATENCY_MS_MAX);
  const eager = await serve(0);
  clients = await openClients(patient, CLIENTS_PER_RELEASE);
  eagerClients = await openClients(eager, EAGER_CLIENTS);
  testbeds = await Testbeds.open({ directory: layersDirectory(), clock: systemClock, logger: silentLogger });
  others = await ReleaseClients.open(testbeds, { sources: patient, count: CLIENTS_PER_RELEASE });
}

/** Eight seconds a second, beginning three hours ago. */
function fastClock(): Clock {
  const startMs = Date.now();
  return { now: () => new Date(startMs - 3 * 3_600_000 + (Date.now() - startMs) * 8) };
}

/** Our own handler, behind a slow network. Returns the APT sources of who is served there. */
async function serve(releaseLatencyMsMax: number): Promise<string> {
  const handler = createDeliveryHandler({ repositoriesPath: join(site.homePath, "repositories") });
  const server = await serveHandler(handler, { beforeAnswer: (path) => beforeAnswer(path, releaseLatencyMsMax) });
  servers.push(server);
  const source = { uri: `${server.url}/repositories/test`, suites: [UNSTABLE], components: ["main"] };
  return aptSource({ ...source, armoredKey: site.key.armoredPublicKey() }).replace("deb deb-src", "deb");
}

async function openClients(sources: string, count: number): Promise<AptClient[]> {
  return Promise.all(Array.from({ length: count }, async () => new AptClient(await makeAptRoot({ sources }))));
}

function allClients(): AptClient[] {
  return [...clients, ...eagerClients];
}

async function beforeAnswer(path: string, releaseLatencyMsMax: number): Promise<void> {
  const hash = /\/by-hash\/SHA(?:256|512)\/([0-9a-f]+)$/.exec(path)?.[1];
  if (hash === undefined) return delay(Math.random() * releaseLatencyMsMax);

  await delay(Math.random() * LATENCY_MS_MAX);
  const release = await readFile(join(site.homePath, "repositories/test/dists", UNSTABLE, "Release"), "latin1");
  if (!release.includes(hash)) supersededRequests += 1;
}

/** Runs apt-get update again and again. */
class AptClient {
  readonly apt: AptRoot;
  readonly errors: string[] = [];
  changedReleases = 0;

  constructor(apt: AptRoot) {
    this.apt = apt;
  }

  async updateUntil(isEnough: () => boolean): Promise<void> {
    while (!isEnough()) {
      const { exitCode, stdout, stderr } = await this.apt.run("apt-get", "update");
      if (/^Get:\d+ .* InRelease/m.test(stdout.toString())) this.changedReleases += 1;
      if (exitCode !== 0 || /^[EW]: /m.test(stderr.toString())) this.errors.push(stderr.toString());
    }
  }
}

/** The same for apt of another release, all in one session: each has a root of its own there. */
class ReleaseClients {
  readonly errors: string[] = [];
  readonly changedReleases: number[];
  readonly #session: Session;

  private constructor(session: Session, count: number) {
    this.#session = session;
    this.changedReleases = Array.from({ length: count }, () => 0);
  }

  static async open(testbeds: Testbeds, options: { sources: string; count: number }): Promise<ReleaseClients> {
    const layer = await ensureJudgeLayer(testbeds, OTHER_RELEASE);
    const session = await testbeds.startSession({ layers: [layer.id], network: "host" });
    const make = `cd /root; mkdir -p etc/apt.conf.d etc/preferences.d etc/trusted.gpg.d etc/sources.list.d state/lists/partial cache/archives/partial log work
      : > state/status; cat > etc/sources.list.d/test.sources
      i=0; while [ $i -lt ${options.count} ]; do mkdir /root$i; cp -a /root/. /root$i; i=$((i + 1)); done`;
    await session.runChecked({ argv: ["sh", "-ec", make], input: options.sources });
    for (let client = 0; client < options.count; client += 1) {
      await session.runChecked({ argv: ["tee", `/root${client}/apt.conf`], input: aptConfiguration(`/root${client}`) });
    }
    return new ReleaseClients(session, options.count);
  }

  /** One shell for each client; it says "changed" when an update had a new InRelease, and else what went wrong. */
  async updateUntil(isEnough: () => boolean): Promise<void> {
    const loop = `client() {
        while [ ! -e /stop ]; do
          APT_CONFIG=/root$1/apt.conf apt-get update > /root$1/log/out 2>&1; status=$?
          ! grep -q '^Get:.* InRelease' /root$1/log/out || echo "changed $1"
          if [ $status -ne 0 ] || grep -q '^[EW]: ' /root$1/log/out; then echo "error $1 $(tr '\\n' ' ' < /root$1/log/out)"; fi
        done
      }
      i=0; while [ $i -lt ${this.changedReleases.length} ]; do client $i & i=$((i + 1)); done; wait`;
    let rest = "";
    const onOutput = (chunk: Uint8Array): void => {
      const lines = (rest + Buffer.from(chunk).toString("utf8")).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#take(line);
    };
    const running = this.#session.run({ argv: ["sh", "-c", loop], onOutput, keepTail: true });
    while (!isEnough()) await delay(100);
    await this.#session.runChecked({ argv: ["touch", "/stop"] });
    await running;
  }

  #take(line: string): void {
    const [kind, client = ""] = line.split(" ");
    if (kind === "changed") this.changedReleases[Number(client)] = (this.changedReleases[Number(client)] ?? 0) + 1;
    else this.errors.push(line);
  }

  async close(): Promise<void> {
    await this.#session.close();
  }
}

/** New content, and content that was there before: comes, goes, comes, … */
async function publishUntil(isEnough: () => boolean): Promise<void> {
  for (let round = 0; !isEnough(); round += 1) {
    const name = round % 2 === 0 ? "comes" : "goes";
    await site.install(UNSTABLE, { debs: debs.filter((deb) => deb.name.startsWith(name)) });
    await site.archive.untilPublished();
    await site.database.transaction((tx) => removeSourceVersion(tx, { distribution: UNSTABLE, source: name, version: "1.0-1" }));
    await site.archive.untilPublished();
  }
}

async function run(isEnough: () => Promise<boolean>): Promise<void> {
  let hasEnough = false;
  const stop = (): boolean => hasEnough;
  const watch = async (): Promise<void> => {
    const endMs = Date.now() + TIME_LIMIT_MS;
    while (Date.now() < endMs && !(await isEnough())) await delay(100);
    hasEnough = true;
  };
  await Promise.all([
    watch(),
    publishUntil(stop),
    others.updateUntil(stop),
    ...allClients().map((client) => client.updateUntil(stop)),
  ]);
}

function errors(): string[] {
  return [...allClients().flatMap((client) => client.errors), ...others.errors];
}

/** Of the client that saw the fewest. */
function changedReleasesMin(): number {
  return Math.min(...clients.map((client) => client.changedReleases), ...others.changedReleases);
}

function eagerChangedReleasesMin(): number {
  return Math.min(...eagerClients.map((client) => client.changedReleases));
}

async function publications(): Promise<number> {
  return (await findPublication(site.database.read, UNSTABLE))?.generation ?? 0;
}

test("clients see no error over many publications, while they ask for superseded indexes", async () => {
  await setUp({});

  await run(async () => {
    const hasEnough =
      changedReleasesMin() >= CHANGED_PER_CLIENT_MIN &&
      eagerChangedReleasesMin() >= CHANGED_PER_EAGER_CLIENT_MIN &&
      supersededRequests >= SUPERSEDED_MIN &&
      (await publications()) >= PUBLICATIONS_MIN;
    return hasEnough || errors().length > 0;
  });

  expect(errors()).toEqual([]);
  expect(await publications()).toBeGreaterThanOrEqual(PUBLICATIONS_MIN);
  expect(changedReleasesMin()).toBeGreaterThanOrEqual(CHANGED_PER_CLIENT_MIN);
  expect(eagerChangedReleasesMin()).toBeGreaterThanOrEqual(CHANGED_PER_EAGER_CLIENT_MIN);
  expect(supersededRequests).toBeGreaterThanOrEqual(SUPERSEDED_MIN);
});

test("control: without retention the same clients do see errors", async () => {
  await setUp({ byHashRetentionMs: 0, byHashRetentionGenerations: 0 });

  await run(async () => errors().length > 0);

  expect(errors().join("\n")).toMatch(/Hash Sum mismatch|File has unexpected size|404/);
});
