import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ensureDistributions, findPublication, formatInstant } from "../../../src/archive/index.ts";
import { createDeliveryHandler } from "../../../src/http/index.ts";
import { type Limits, ManualClock } from "../../../src/runtime/index.ts";
import { type AptRoot, aptSource, makeAptRoot } from "../../support/apt.ts";
import { distributionSettings, makeTestArchive, type TestArchive } from "../../support/archive.ts";
import { makeDeb } from "../../support/packages.ts";
import { type StaticServer, serveHandler } from "../../support/static-server.ts";

const STABLE = "bookworm-test-stable";
const DAY_MS = 24 * 60 * 60 * 1000;

let scratchPath: string;
let clock: ManualClock;
let site: TestArchive;
let server: StaticServer;
const apts: AptRoot[] = [];

beforeEach(async () => {
  scratchPath = await mkdtemp(join(tmpdir(), "mbd-time-"));
  clock = new ManualClock(new Date("2026-11-02T08:00:00Z"));
  await open();
});

afterEach(async () => {
  for (const apt of apts.splice(0)) await apt.dispose();
  await close();
  await rm(scratchPath, { recursive: true, force: true });
});

async function open(limits: Partial<Limits> = {}): Promise<void> {
  site = await makeTestArchive({ clock, limits: { publicationIntervalMsMax: 0, ...limits } });
  await site.ensure(distributionSettings(STABLE, { components: ["main"], keep: 0 }));
  await site.archive.untilPublished();
  server = await serveHandler(
    createDeliveryHandler({
      repositoriesPath: join(site.homePath, "repositories"),
      findSnapshot: (request) => site.archive.timeSnapshots.find(request),
    }),
  );
}

async function close(): Promise<void> {
  await server.close();
  await site.dispose();
}

/** Publish a version of hello a day later; the instant of its generation. */
async function publish(version: string): Promise<string> {
  clock.advance(DAY_MS);
  await site.install(STABLE, { debs: [await makeDeb(scratchPath, { version })] });
  await site.archive.untilPublished();
  const publication = await findPublication(site.database.read, STABLE);
  return formatInstant(publication?.releaseDate ?? new Date(0));
}

async function aptAt(instant: string): Promise<AptRoot> {
  const uri = `${server.url}/repositories/test/snapshot/${instant}`;
  const sources = aptSource({ uri, suites: [STABLE], components: ["main"], armoredKey: site.key.armoredPublicKey() });
  const apt = await makeAptRoot({ sources });
  apts.push(apt);
  return apt;
}

function get(path: string): Promise<Response> {
  return fetch(`${server.url}/repositories/test/snapshot/${path}`, { redirect: "manual" });
}

async function versionsSeen(apt: AptRoot): Promise<string[]> {
  return [...(await apt.must("apt-cache", "madison", "hello")).matchAll(/\| +(\S+) \|/g)].map(([, version]) => version ?? "");
}

test("apt installs what a distribution had at an instant, though it has left since", async () => {
  const first = await publish("1.0-1");
  await publish("2.0-1");

  const apt = await aptAt(first);
  await apt.must("apt-get", "update");
  await apt.must("apt-get", "download", "hello");

  expect(await versionsSeen(apt)).toEqual(["1.0-1"]);
  expect(await readdir(join(apt.path, "work"))).toEqual(["hello_1.0-1_all.deb"]);
});

test("an instant between two generations leads to the one in force then, for apt too", async () => {
  const first = await publish("1.0-1");
  await publish("2.0-1");

  const between = await get(`20261103T120000Z/dists/${STABLE}/InRelease`);
  const apt = await aptAt("20261103T120000Z");
  await apt.must("apt-get", "update");
  await apt.must("apt-get", "download", "hello");

  expect(first).toBe("20261103T080000Z");
  expect(between.status).toBe(302);
  expect(between.headers.get("location")).toBe(`/repositories/test/snapshot/${first}/dists/${STABLE}/InRelease`);
  expect(await versionsSeen(apt)).toEqual(["1.0-1"]);
});

test("it has the Date of its generation, no Valid-Until, and its own settings of then", async () => {
  const first = await publish("1.0-1");
  await site.database.transaction((tx) =>
    ensureDistributions(tx, [distributionSettings(STABLE, { components: ["main"], keep: 0, origin: "Renamed" })]),
  );
  await publish("2.0-1");

  const release = await (await get(`${first}/dists/${STABLE}/Release`)).text();

  expect(release).toContain("Date: Tue, 03 Nov 2026 08:00:00 UTC\n");
  expect(release).toContain("Origin: Test archive\n");
  expect(release).not.toContain("Valid-Until");
});

test("before history, in the future and for what is no instant there is 404 and the reason", async () => {
  for (const [instant, reason] of [
    ["20261101T000000Z", /history goes from 20261102T080000Z/],
    ["20270101T000000Z", /history goes from/],
    ["20261399T000000Z", /is no instant/],
    ["yesterday", /no distribution as it was at an instant/],
  ] as const) {
    const answer = await get(`${instant}/dists/${STABLE}/InRelease`);

    expect(answer.status).toBe(404);
    expect(await answer.text()).toMatch(reason);
  }
});

test("a distribution of another repository, or none, is not there", async () => {
  const unknown = await get("20261102T080000Z/dists/sid-test-stable/InRelease");
  const elsewhere = await fetch(`${server.url}/repositories/other/snapshot/20261102T080000Z/dists/${STABLE}/InRelease`);

  expect([unknown.status, elsewhere.status]).toEqual([404, 404]);
});

test("many that ask at once get one and the same, which is made once", async () => {
  const first = await publish("1.0-1");
  await publish("2.0-1");

  const answers = await Promise.all(Array.from({ length: 20 }, () => get(`${first}/dists/${STABLE}/InRelease`)));

  const texts = new Set(await Promise.all(answers.map((answer) => answer.text())));
  const etags = new Set(answers.map((answer) => answer.headers.get("etag")));
  expect({ texts: texts.size, etags: etags.size }).toEqual({ texts: 1, etags: 1 });
});

test("only so many stay on the disk, and what went is made again as it was", async () => {
  await close();
  await open({ timeSnapshotCountMax: 2 });
  const instants = [await publish("1.0-1"), await publish("1.1-1"), await publish("1.2-1")];
  const releaseAt = async (instant: string): Promise<string> => (await get(`${instant}/dists/${STABLE}/Release`)).text();

  const before = [];
  for (const instant of instants) before.push(await releaseAt(instant));
  const kept = await readdir(join(site.homePath, "repositories/test/snapshot"));
  const after = await releaseAt(instants[0] ?? "");

  expect(kept.sort()).toEqual(instants.slice(1));
  expect(after).toBe(before[0]);
});

test("what a crash left half made is made anew; what was whole is taken over", async () => {
  const first = await publish("1.0-1");
  const second = await publish("2.0-1");
  const path = `${first}/dists/${STABLE}/Release`;
  await get(path);
  await get(`${second}/dists/${STABLE}/Release`);
  const root = join(site.homePath, "repositories/test/snapshot", first);
  await rm(join(root, "dists", STABLE));
  await writeFile(join(root, "generations", STABLE, "indexes/Release"), "half");

  await site.archive.timeSnapshots.start();
  const afterwards = await get(path);

  expect(await readdir(join(site.homePath, "repositories/test/snapshot"))).toContain(second);
  expect(await afterwards.text()).toBe(await readFile(join(root, "dists", STABLE, "Release"), "utf8"));
  expect(afterwards.status).toBe(200);
});

test("Release says where apt --snapshot finds instants", async () => {
  const snapshotsUri = "http://example.org/repositories/test/snapshot/@SNAPSHOTID@/";
  await site.ensure(distributionSettings(STABLE, { components: ["main"], keep: 0, snapshotsUri }));
  await site.archive.untilPublished();

  const release = await readFile(join(site.homePath, "repositories/test/dists", STABLE, "Release"), "utf8");

  expect(release).toContain(`Snapshots: ${snapshotsUri}\n`);
});
