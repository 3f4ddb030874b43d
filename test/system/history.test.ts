import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Archive, importBinary, installPackages } from "../../src/archive/index.ts";
import { openDatabase } from "../../src/database/index.ts";
import type { PackageDifferenceView, RetentionView, VerificationView } from "../../src/operations/index.ts";
import { defaultLimits, runCommand, silentLogger, systemClock } from "../../src/runtime/index.ts";
import { type AptRoot, aptSource, makeAptRoot } from "../support/apt.ts";
import { distributionSettings, makeTestArchive, type TestArchive } from "../support/archive.ts";
import { Daemon } from "../support/daemon.ts";
import { NetworkCaller } from "../support/network-caller.ts";
import { makeDeb } from "../support/packages.ts";

/** What a distribution was, by the commands that people use and the addresses that apt does, of a whole daemon. */
let scratchPath: string;
let base: TestArchive;
let daemon: Daemon;
let root: NetworkCaller;
let key: string;

const UNSTABLE = "bookworm-test-unstable";
/** Its history ends at once, and the schedule makes snapshots of it. */
const DAILY = "bookworm-test-daily";

beforeAll(async () => {
  scratchPath = await mkdtemp(join(tmpdir(), "mbd-history-"));
  base = await makeTestArchive();
  await base.ensure(distributionSettings("bookworm"));
  await base.archive.untilPublished();
  // So that what is of no use any more goes at once, and not in a day.
  const limits = "[limits]\nunreferencedAgeMsMin = 0\nbyHashRetentionMs = 0\n";
  daemon = await Daemon.make({ catalog: catalog(), configuration: `[builder]\nparallel = 0\n${limits}` });
  await daemon.start();
  await daemon.apply();
  root = await NetworkCaller.make(daemon, "root", "admin");
  await seed("1.0-1", { name: "hello", distribution: UNSTABLE, others: ["leaver", "sleeper"] });
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
    "[layouts.ours.suites.daily]",
    "uploadable = true",
    "history-days = 0",
    "weekly-snapshots = 1",
    "monthly-snapshots = 1",
    "yearly-snapshots = 1",
    "[repositories.test]",
    'layout = "ours"',
    'codenames = ["bookworm"]',
    'uploads = "unsigned"',
    "",
  ].join("\n");
}

interface Seed {
  readonly name: string;
  readonly distribution: string;
  /** Packages of the same version that come along. */
  readonly others?: readonly string[];
  /** The distribution has been there for longer than a year. */
  readonly isOld?: boolean;
}

/** As the packager installs what was built; the daemon publishes it with its next start. */
async function seed(
  version: string,
  { name, distribution, isOld, others = [] }: Seed = { name: "hello", distribution: UNSTABLE },
): Promise<void> {
  await daemon.stop();
  const location = { kind: "sqlite", path: join(daemon.home, "database/mini-buildd.sqlite") } as const;
  const common = { clock: systemClock, logger: silentLogger };
  const database = await openDatabase(location, common);
  const sign = () => Promise.reject(new Error("nothing is published here"));
  const archive = new Archive({ ...common, database, location, homePath: daemon.home, limits: defaultLimits, sign });
  const debs = await Promise.all([name, ...others].map((each) => makeDeb(scratchPath, { name: each, version })));
  const binaries = await Promise.all(debs.map((deb) => importBinary(archive.contentStore, deb.path, deb)));
  await database.transaction(async (tx) => {
    await installPackages(tx, { distribution, binaries, buildinfos: [] });
    const created_at = new Date(Date.now() - 400 * 24 * 3_600_000).toISOString();
    if (isOld === true) await tx.updateTable("distributions").set({ created_at }).where("name", "=", distribution).execute();
  });
  await archive.stop();
  await database.close();
  await daemon.start();
  await vi.waitFor(async () => expect(await packagesNow(distribution)).toContain(`Version: ${version}\n`), { timeout: 30_000 });
}

/** As readers see it. */
async function packagesNow(distribution: string): Promise<string> {
  const answer = await daemon.get(`/repositories/test/dists/${distribution}/main/binary-amd64/Packages.gz`);
  return answer.ok ? gunzipSync(await answer.arrayBuffer()).toString() : "";
}

/** The file that apt downloads. */
async function aptGets(uri: string, suite: string, name = "hello"): Promise<string[]> {
  return withApt(uri, suite, async (apt) => {
    await apt.must("apt-get", "download", name);
    return readdir(join(apt.path, "work"));
  });
}

/** Package → version, as apt lists them. */
async function aptLists(uri: string, suite: string): Promise<Map<string, string>> {
  const dump = await withApt(uri, suite, (apt) => apt.must("apt-cache", "dumpavail"));
  const pairs = [...dump.matchAll(/^Package: (.*)\n(?:.+\n)*?Version: (.*)$/gm)];
  return new Map(pairs.map(([, name = "", version = ""]) => [name, version]));
}

async function withApt<Result>(uri: string, suite: string, use: (apt: AptRoot) => Promise<Result>): Promise<Result> {
  const apt = await makeAptRoot({ sources: aptSource({ uri, suites: [suite], components: ["main"], armoredKey: key }) });
  try {
    await apt.must("apt-get", "update");
    return await use(apt);
  } finally {
    await apt.dispose();
  }
}

/** What became of each package, by apt's lists and dpkg's order of versions. */
async function differenceOf(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>) {
  const differences: PackageDifferenceView[] = [];
  for (const name of [...new Set([...before.keys(), ...after.keys()])].toSorted()) {
    const [from = null, to = null] = [before.get(name), after.get(name)];
    if (from === to) continue;
    differences.push({ kind: await kindOf(from, to), name, architecture: "all", from, to });
  }
  return differences;
}

async function kindOf(from: string | null, to: string | null): Promise<PackageDifferenceView["kind"]> {
  if (from === null || to === null) return from === null ? "added" : "removed";
  const { exitCode } = await runCommand({ argv: ["dpkg", "--compare-versions", from, "lt", to] });
  return exitCode === 0 ? "upgraded" : "downgraded";
}

/** By REST, as an administrator elsewhere does: begun, and asked for until it has ended. */
async function verifyFromAfar(args: { repair?: boolean } = {}): Promise<VerificationView> {
  expect((await root.change("archive-verify", args)).status).toBe(200);
  return vi.waitFor(
    async () => {
      const view = (await (await root.ask("archive-verify-status")).json()) as VerificationView;
      expect(view.state).not.toBe("running");
      return view;
    },
    { timeout: 60_000 },
  );
}

/** When the generation that readers see was made, as an instant in an address. */
async function instantNow(): Promise<string> {
  const release = await (await daemon.get(`/repositories/test/dists/${UNSTABLE}/Release`)).text();
  const date = new Date(/^Date: (.*)$/m.exec(release)?.[1] ?? "");
  return instantOf(date);
}

function instantOf(date: Date): string {
  return date.toISOString().replaceAll(/[-:]|\.\d+/g, "");
}

test("snapshots by name and by time, their difference, retention and verification", async () => {
  const repository = `${daemon.url}/repositories/test`;
  const first = await instantNow();
  await daemon.command("snapshot-create", UNSTABLE, "before");
  await seed("2.0-1", { name: "hello", distribution: UNSTABLE, others: ["newcomer"] });

  expect(await daemon.command("snapshot-ls", UNSTABLE)).toBe("before\n");
  expect(await aptGets(repository, UNSTABLE)).toEqual(["hello_2.0-1_all.deb"]);
  expect(await aptGets(repository, `${UNSTABLE}/snapshots/before`)).toEqual(["hello_1.0-1_all.deb"]);
  expect(await aptGets(`${repository}/snapshot/${first}`, UNSTABLE)).toEqual(["hello_1.0-1_all.deb"]);
  expect(await daemon.command("snapshot-diff", UNSTABLE, "before")).toMatch(/^upgraded +hello +all +1\.0-1 +2\.0-1$/m);
  const second = await instantNow();
  const later = await vi.waitUntil(() => (instantOf(new Date()) === second ? undefined : instantOf(new Date())), {
    timeout: 5_000,
  });
  const redirected = await fetch(`${repository}/snapshot/${later}/dists/${UNSTABLE}/InRelease`, { redirect: "manual" });
  expect([redirected.status, redirected.headers.get("location")]).toEqual([302, expect.stringContaining(second)]);
  expect(await daemon.command("retention-preview")).toBe("nothing to do\n");
  expect(await daemon.command("archive", "verify")).toMatch(/all whole\n$/);

  const calls = await fetch(`${daemon.url}/mini_buildd/api/snapshot_ls/?distribution=${UNSTABLE}&output=json`);
  expect(await calls.json()).toEqual(["before"]);
}, 180_000);

test("a difference that anybody asks for over the network is what apt sees at the two points", async () => {
  const repository = `${daemon.url}/repositories/test`;
  await daemon.command("remove", "leaver", UNSTABLE);
  await vi.waitFor(async () => expect(await packagesNow(UNSTABLE)).not.toContain("Package: leaver\n"), { timeout: 30_000 });
  await daemon.command("snapshot-create", UNSTABLE, "after");
  const now = await instantNow();

  const before = await aptLists(repository, `${UNSTABLE}/snapshots/before`);
  const after = await aptLists(repository, `${UNSTABLE}/snapshots/after`);
  const forth = await differenceOf(before, after);
  const back = await differenceOf(after, before);
  expect(forth.map(({ kind, name }) => `${name} ${kind}`)).toEqual(["hello upgraded", "leaver removed", "newcomer added"]);
  expect(back.map(({ kind, name }) => `${name} ${kind}`)).toEqual(["hello downgraded", "leaver added", "newcomer removed"]);
  const difference = async (from: string, to: string): Promise<unknown> => {
    const query = new URLSearchParams({ distribution: UNSTABLE, from, to }).toString();
    const answer = await fetch(`${daemon.url}/api/v1/snapshot-diff?${query}`);
    return ((await answer.json()) as { differences: unknown }).differences;
  };
  expect(await difference("before", "after")).toEqual(forth);
  expect(await difference("after", "before")).toEqual(back);
  expect(await difference("before", now)).toEqual(
    await differenceOf(before, await aptLists(`${repository}/snapshot/${now}`, UNSTABLE)),
  );
  expect(await difference("after", "now")).toEqual([]);
}, 180_000);

test("what retention takes is said beforehand, with its space; it takes nothing that a snapshot of the schedule has", async () => {
  const report = { name: "report", distribution: DAILY };
  const pool = "/repositories/test/pool/main/r/report/report_1.0-1_all.deb";
  await seed("1.0-1", { ...report, isOld: true });
  await daemon.command("cronjob", "periodic-snapshots");
  const names = await vi.waitFor(
    async () => {
      const found = (await daemon.command("snapshot-ls", DAILY)).trim().split("\n").toSorted();
      expect(found.map((name) => name.replace(/_.*/, ""))).toEqual(["MONTHLY", "WEEKLY", "YEARLY"]);
      return found;
    },
    { timeout: 30_000 },
  );
  for (const version of ["2.0-1", "3.0-1"]) await seed(version, report);

  const kept = (await (await root.ask("retention-preview")).json()) as RetentionView;
  await daemon.command("retention-apply");
  const fromSnapshot = await aptGets(`${daemon.url}/repositories/test`, `${DAILY}/snapshots/${names[2]}`, "report");
  for (const name of names) expect((await root.call("snapshot_delete", { distribution: DAILY, name })).status).toBe(200);
  const foreseen = (await (await root.ask("retention-preview")).json()) as RetentionView;
  const said = await daemon.command("retention-preview");
  const before = await daemon.get(pool);
  const applied = (await (await root.change("retention-apply")).json()) as RetentionView;

  expect(kept).toMatchObject({ applied: false, binary_packages: 0, files: 0, freed_bytes: 0 });
  expect(fromSnapshot).toEqual(["report_1.0-1_all.deb"]);
  const size = (await before.arrayBuffer()).byteLength;
  expect(foreseen).toMatchObject({ applied: false, binary_packages: 1, files: 1, freed_bytes: size });
  expect(said).toMatch(/would be deleted: 0 source and 1 binary packages, 1 files; \d+.* freed$/m);
  expect(applied).toEqual({ ...foreseen, applied: true });
  expect([before.status, (await daemon.get(pool)).status]).toEqual([200, 404]);
  expect(await aptGets(`${daemon.url}/repositories/test`, DAILY, "report")).toEqual(["report_3.0-1_all.deb"]);
  expect(await daemon.command("archive", "verify")).toMatch(/all whole\n$/);
}, 240_000);

test("an archive that is verified and repaired over the network goes on serving apt", async () => {
  const repository = `${daemon.url}/repositories/test`;
  const repositoryPath = join(daemon.home, "repositories/test");
  const clients = new AbortController();
  const beside = updateUntil(clients.signal, repository, UNSTABLE);

  const whole = await verifyFromAfar();
  await rm(join(repositoryPath, "pool/main/r/report/report_3.0-1_all.deb"));
  const objects = join(repositoryPath, "dists", DAILY, "main/binary-amd64/by-hash/SHA256");
  for (const name of await readdir(objects)) await writeFile(join(objects, name), "damaged");
  const found = await verifyFromAfar();
  const repaired = await verifyFromAfar({ repair: true });
  // Indexes are repaired by the next publication.
  await vi.waitFor(async () => expect(await verifyFromAfar()).toMatchObject({ state: "done", finding_count: 0 }), {
    timeout: 60_000,
    interval: 500,
  });
  clients.abort();

  expect(whole).toMatchObject({ state: "done", finding_count: 0 });
  expect(found).toMatchObject({ state: "done", repaired_count: 0 });
  const faults = found.findings.map(({ path, fault }) => `${path}: ${fault}`);
  expect(faults).toContainEqual(expect.stringMatching(/report_3\.0-1_all\.deb: (missing|not linked)$/));
  expect(faults).toContainEqual(expect.stringMatching(/main\/binary-amd64.*: damaged$/));
  expect(repaired.repaired_count).toBe(found.finding_count);
  expect(await beside).toBeGreaterThan(0);
  expect(await aptGets(repository, DAILY, "report")).toEqual(["report_3.0-1_all.deb"]);
  expect(await daemon.command("archive", "verify")).toMatch(/all whole\n$/);
}, 240_000);

/** Clients that know nothing yet, one after the other, which get all of a distribution; how many there were. */
async function updateUntil(signal: AbortSignal, uri: string, suite: string): Promise<number> {
  let count = 0;
  do {
    expect(await aptGets(uri, suite)).toEqual(["hello_2.0-1_all.deb"]);
    count += 1;
  } while (!signal.aborted);
  return count;
}

test("what is damaged is told of with status 1; a deleted snapshot is gone; a stranger may neither", async () => {
  const [directory = ""] = (await readdir(join(daemon.home, "pool"))).sort();
  const [content = ""] = await readdir(join(daemon.home, "pool", directory));
  await writeFile(join(daemon.home, "pool", directory, content), "damaged");

  const verified = await daemon.tryCommand("archive", "verify");
  await daemon.command("snapshot-delete", UNSTABLE, "before");
  const gone = await daemon.get(`/repositories/test/dists/${UNSTABLE}/snapshots/before/InRelease`);
  const refused = await fetch(`${daemon.url}/api/v1/retention-apply`, { method: "POST" });

  expect(verified.exitCode).toBe(1);
  expect(verified.stdout.toString()).toMatch(/_all\.deb: damaged\n/);
  expect(gone.status).toBe(404);
  expect(refused.status).toBe(401);
}, 120_000);
