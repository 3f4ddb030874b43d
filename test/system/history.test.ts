import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Archive, importBinary, installPackages } from "../../src/archive/index.ts";
import { openDatabase } from "../../src/database/index.ts";
import { defaultLimits, silentLogger, systemClock } from "../../src/runtime/index.ts";
import { aptSource, makeAptRoot } from "../support/apt.ts";
import { distributionSettings, makeTestArchive, type TestArchive } from "../support/archive.ts";
import { Daemon } from "../support/daemon.ts";
import { makeDeb } from "../support/packages.ts";

/** What a distribution was, by the commands that people use and the addresses that apt does, of a whole daemon. */
let scratchPath: string;
let base: TestArchive;
let daemon: Daemon;
let key: string;

const UNSTABLE = "bookworm-test-unstable";

beforeAll(async () => {
  scratchPath = await mkdtemp(join(tmpdir(), "mbd-history-"));
  base = await makeTestArchive();
  await base.ensure(distributionSettings("bookworm"));
  await base.archive.untilPublished();
  daemon = await Daemon.make({ catalog: catalog(), configuration: "[builder]\nparallel = 0\n" });
  await daemon.start();
  await daemon.apply();
  await seed("1.0-1");
  key = (await (await daemon.get("/api/v1/pub-key")).json()) as string;
}, 120_000);

afterAll(async () => {
  await daemon?.remove();
  await base?.dispose();
  await rm(scratchPath, { recursive: true, force: true });
});

function catalog(): string {
  return [
    "[archive-sources.own]",
    `uris = ["file:${base.homePath}/repositories/test"]`,
    'suites = ["bookworm"]',
    `signed-by = """\n${base.key.armoredPublicKey()}"""`,
    "[codenames.bookworm]",
    'base = "own"',
    'architectures = ["amd64"]',
    "[layouts.ours.suites.unstable]",
    "uploadable = true",
    "history-days = 365",
    "[repositories.test]",
    'layout = "ours"',
    'codenames = ["bookworm"]',
    'uploads = "unsigned"',
    "",
  ].join("\n");
}

/** As the packager installs what was built; the daemon publishes it with its next start. */
async function seed(version: string): Promise<void> {
  await daemon.stop();
  const location = { kind: "sqlite", path: join(daemon.home, "database/mini-buildd.sqlite") } as const;
  const common = { clock: systemClock, logger: silentLogger };
  const database = await openDatabase(location, common);
  const sign = () => Promise.reject(new Error("nothing is published here"));
  const archive = new Archive({ ...common, database, location, homePath: daemon.home, limits: defaultLimits, sign });
  const deb = await makeDeb(scratchPath, { version });
  const binary = await importBinary(archive.contentStore, deb.path, deb);
  await database.transaction((tx) => installPackages(tx, { distribution: UNSTABLE, binaries: [binary], buildinfos: [] }));
  await archive.stop();
  await database.close();
  await daemon.start();
  await vi.waitFor(async () => expect(await packagesNow()).toContain(`Version: ${version}\n`), { timeout: 30_000 });
}

/** As readers see it. */
async function packagesNow(): Promise<string> {
  const answer = await daemon.get(`/repositories/test/dists/${UNSTABLE}/main/binary-amd64/Packages.gz`);
  return answer.ok ? gunzipSync(await answer.arrayBuffer()).toString() : "";
}

/** The version of hello that apt downloads. */
async function aptGets(uri: string, suite: string): Promise<string[]> {
  const apt = await makeAptRoot({ sources: aptSource({ uri, suites: [suite], components: ["main"], armoredKey: key }) });
  try {
    await apt.must("apt-get", "update");
    await apt.must("apt-get", "download", "hello");
    return await readdir(join(apt.path, "work"));
  } finally {
    await apt.dispose();
  }
}

/** When the generation that readers see was made, as an instant in an address. */
async function instantNow(): Promise<string> {
  const release = await (await daemon.get(`/repositories/test/dists/${UNSTABLE}/Release`)).text();
  const date = new Date(/^Date: (.*)$/m.exec(release)?.[1] ?? "");
  return date.toISOString().replaceAll(/[-:]|\.\d+/g, "");
}

test("snapshots by name and by time, their difference, retention and verification", async () => {
  const repository = `${daemon.url}/repositories/test`;
  const first = await instantNow();
  await daemon.command("snapshot-create", UNSTABLE, "before");
  await seed("2.0-1");

  expect(await daemon.command("snapshot-ls", UNSTABLE)).toBe("before\n");
  expect(await aptGets(repository, UNSTABLE)).toEqual(["hello_2.0-1_all.deb"]);
  expect(await aptGets(repository, `${UNSTABLE}/snapshots/before`)).toEqual(["hello_1.0-1_all.deb"]);
  expect(await aptGets(`${repository}/snapshot/${first}`, UNSTABLE)).toEqual(["hello_1.0-1_all.deb"]);
  expect(await daemon.command("snapshot-diff", UNSTABLE, "before")).toMatch(/^upgraded +hello +all +1\.0-1 +2\.0-1$/m);
  expect(await daemon.command("retention-preview")).toBe("nothing to do\n");
  expect(await daemon.command("archive", "verify")).toMatch(/all whole\n$/);

  const calls = await fetch(`${daemon.url}/mini_buildd/api/snapshot_ls/?distribution=${UNSTABLE}&output=json`);
  expect(await calls.json()).toEqual(["before"]);
}, 180_000);

test("what is damaged is told of with status 1; a deleted snapshot is gone; a stranger may neither", async () => {
  const [directory = ""] = (await readdir(join(daemon.home, "pool"))).sort();
  const [content = ""] = await readdir(join(daemon.home, "pool", directory));
  await writeFile(join(daemon.home, "pool", directory, content), "damaged");

  const verified = await daemon.tryCommand("archive", "verify");
  await daemon.command("snapshot-delete", UNSTABLE, "before");
  const gone = await daemon.get(`/repositories/test/dists/${UNSTABLE}/snapshots/before/InRelease`);
  const refused = await fetch(`${daemon.url}/api/v1/retention-apply`, { method: "POST" });

  expect(verified.exitCode).toBe(1);
  expect(verified.stdout.toString()).toMatch(/hello_.*deb: damaged\n/);
  expect(gone.status).toBe(404);
  expect(refused.status).toBe(401);
}, 120_000);
