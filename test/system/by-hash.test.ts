import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findPublication, removeSourceVersion } from "../../src/archive/index.ts";
import { createDeliveryHandler } from "../../src/http/index.ts";
import type { Clock, Limits } from "../../src/runtime/index.ts";
import { type AptRoot, aptSource, makeAptRoot } from "../support/apt.ts";
import { distributionSettings, makeTestArchive, type TestArchive } from "../support/archive.ts";
import { type MadeFile, makeDeb } from "../support/packages.ts";
import { type StaticServer, serveHandler } from "../support/static-server.ts";

/**
 * Many publications under the hands of many clients, served by our own handler and its cache. The network is slow by chance, so that between a client's InRelease
 * and its indexes newer generations come. The clock runs fast, since a Date has whole seconds and may not lie in the
 * future: it starts in the past.
 */

const UNSTABLE = "bookworm-test-unstable";
const CLIENTS = 8;
const PUBLICATIONS_MIN = 100;
const CHANGED_PER_CLIENT_MIN = 20;
const SUPERSEDED_MIN = 10;
const TIME_LIMIT_MS = 15 * 60_000;
const LATENCY_MS_MAX = 400;

let scratchPath: string;
let site: TestArchive;
let server: StaticServer;
let clients: AptClient[];
let debs: MadeFile[];
let supersededRequests: number;

beforeEach(async () => {
  scratchPath = await mkdtemp(join(tmpdir(), "mbd-by-hash-"));
  debs = await Promise.all(["stays", "comes", "goes"].map((name) => makeDeb(scratchPath, { name })));
  clients = [];
  supersededRequests = 0;
});

afterEach(async () => {
  for (const { apt } of clients) await apt.dispose();
  await server.close();
  await site.dispose();
  await rm(scratchPath, { recursive: true, force: true });
});

async function setUp(limits: Partial<Limits>): Promise<void> {
  site = await makeTestArchive({ clock: fastClock(), limits: { publicationIntervalMsMax: 250, ...limits } });
  await site.ensure(distributionSettings(UNSTABLE, { components: ["main"] }));
  await site.install(UNSTABLE, { debs: debs.slice(0, 1) });
  await site.archive.untilPublished();
  server = await serveHandler(createDeliveryHandler({ repositoriesPath: join(site.homePath, "repositories") }), { beforeAnswer });
  const sources = aptSource({
    uri: `${server.url}/repositories/test`,
    suites: [UNSTABLE],
    components: ["main"],
    armoredKey: site.key.armoredPublicKey(),
  });
  clients = await Promise.all(Array.from({ length: CLIENTS }, async () => new AptClient(await makeAptRoot({ sources }))));
}

/** Eight seconds a second, beginning three hours ago. */
function fastClock(): Clock {
  const startMs = Date.now();
  return { now: () => new Date(startMs - 3 * 3_600_000 + (Date.now() - startMs) * 8) };
}

async function beforeAnswer(path: string): Promise<void> {
  const hash = /\/by-hash\/SHA(?:256|512)\/([0-9a-f]+)$/.exec(path)?.[1];
  if (hash === undefined) return;

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
  await Promise.all([watch(), publishUntil(stop), ...clients.map((client) => client.updateUntil(stop))]);
}

function errors(): string[] {
  return clients.flatMap((client) => client.errors);
}

async function publications(): Promise<number> {
  return (await findPublication(site.database.read, UNSTABLE))?.generation ?? 0;
}

test("clients see no error over many publications, while they ask for superseded indexes", async () => {
  await setUp({});

  await run(async () => {
    const hasEnoughClients = clients.every(({ changedReleases }) => changedReleases >= CHANGED_PER_CLIENT_MIN);
    const hasEnough = hasEnoughClients && supersededRequests >= SUPERSEDED_MIN && (await publications()) >= PUBLICATIONS_MIN;
    return hasEnough || errors().length > 0;
  });

  expect(errors()).toEqual([]);
  expect(await publications()).toBeGreaterThanOrEqual(PUBLICATIONS_MIN);
  expect(Math.min(...clients.map(({ changedReleases }) => changedReleases))).toBeGreaterThanOrEqual(CHANGED_PER_CLIENT_MIN);
  expect(supersededRequests).toBeGreaterThanOrEqual(SUPERSEDED_MIN);
});

test("control: without retention the same clients do see errors", async () => {
  await setUp({ byHashRetentionMs: 0, byHashRetentionGenerations: 0 });

  await run(async () => errors().length > 0);

  expect(errors().join("\n")).toMatch(/Hash Sum mismatch|File has unexpected size|404/);
});
