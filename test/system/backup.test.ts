import { mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EndedCommand, runCommand } from "../../src/runtime/index.ts";
import { aptSource, makeAptRoot } from "../support/apt.ts";
import { makeTestArchive } from "../support/archive.ts";
import { Daemon, hostArchitecture, hostCodename } from "../support/daemon.ts";
import { makeDeb, makeSource } from "../support/packages.ts";

const PROGRAM = resolve(import.meta.dirname, "../../dist/main.js");
const PACKAGES = 20;

let daemon: Daemon;
let distribution: string;
let architecture: string;
let backupPath: string;

beforeAll(async () => {
  daemon = await Daemon.make({ configuration: "[builder]\nparallel = 0\n" });
  distribution = `${await hostCodename()}-test-unstable`;
  architecture = await hostArchitecture();
  backupPath = join(daemon.scratch, "backup.tar.gz");
  await daemon.start();
  await daemon.apply();
  await daemon.stop();
  await installPackages();
});

afterAll(() => daemon?.remove());

test("a backup is written while the daemon publishes, is nobody else's to read, and replaces nothing", async () => {
  await daemon.start();
  await daemon.command("user-create", "ann", "ann@example.org");

  const publishing = new AbortController();
  const publisher = publishUntil(publishing.signal);
  await daemon.command("backup", "create", backupPath);
  publishing.abort();
  await publisher;

  expect((await stat(backupPath)).mode & 0o777).toBe(0o600);
  expect(await daemon.tryCommand("backup", "create", backupPath)).toMatchObject({ exitCode: 5 });
});

test("nothing is restored over a home that holds something, nor half of a backup", async () => {
  const cut = join(daemon.scratch, "cut.tar.gz");
  await writeFile(cut, await readFile(backupPath));
  await truncate(cut, Math.floor((await stat(cut)).size / 2));
  const home = await mkdtemp(join(daemon.scratch, "cut-"));

  const over = await daemon.tryCommand("backup", "restore", backupPath);
  const half = await program("backup", "restore", cut, "--home", home);
  const served = await program("serve", "--home", home);

  expect([over.exitCode, over.stderr.toString()]).toEqual([5, expect.stringContaining("HOME_NOT_EMPTY")]);
  expect([half.exitCode, half.stderr.toString()]).toEqual([2, expect.stringContaining("BACKUP_INVALID")]);
  expect([served.exitCode, served.stderr.toString()]).toEqual([5, expect.stringContaining("HOME_RESTORE_INCOMPLETE")]);
});

test("restored into an empty home it starts, keeps people and packages, and apt takes what it publishes as newer", async () => {
  const before = await releaseDate();
  await daemon.stop();
  await rm(daemon.home, { recursive: true });
  // As a restore that was killed leaves it.
  await mkdir(join(daemon.home, "database"), { recursive: true });
  await writeFile(join(daemon.home, "database", "half"), "");
  await writeFile(join(daemon.home, "restore-incomplete"), "");

  await daemon.command("backup", "restore", backupPath);
  await daemon.start();
  await expect.poll(releaseDate, { timeout: 60_000, interval: 200 }).toBeGreaterThanOrEqual(before);

  expect(await daemon.command("user-ls")).toContain("ann@example.org");
  await aptTakesAll();
  expect(await daemon.command("archive", "verify")).toContain("all whole");
});

function program(...args: string[]): Promise<EndedCommand> {
  return runCommand({ argv: [process.execPath, PROGRAM, ...args], timeoutMs: 300_000 });
}

async function installPackages(): Promise<void> {
  const archive = await makeTestArchive({ homePath: daemon.home, isStarted: false });
  const directory = await mkdtemp(join(daemon.scratch, "packages-"));
  try {
    for (let number = 0; number < PACKAGES; number++) {
      const made = { name: `tool${number}`, version: "1.0" };
      const source = await makeSource(directory, made);
      const deb = await makeDeb(directory, { ...made, architecture: "all" });
      await archive.install(distribution, { source, debs: [deb] });
    }
  } finally {
    await archive.dispose();
  }
}

async function publishUntil(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await daemon.command("reindex");
}

async function releaseDate(): Promise<number> {
  const text = await (await daemon.get(`/repositories/test/dists/${distribution}/InRelease`)).text();
  return Date.parse(/^Date: (.*)$/m.exec(text)?.[1] ?? "");
}

async function aptTakesAll(): Promise<void> {
  const armoredKey = await (await daemon.get("/mini_buildd/api/pub_key/?output=plain")).text();
  const uri = `${daemon.url}/repositories/test`;
  const sources = aptSource({ uri, suites: [distribution], components: ["main"], armoredKey });
  const apt = await makeAptRoot({ sources, architecture });
  try {
    await apt.must("apt-get", "update");
    for (let number = 0; number < PACKAGES; number += 7) await apt.must("apt-get", "download", `tool${number}`);
    await apt.must("apt-get", "source", "--download-only", "tool3");
  } finally {
    await apt.dispose();
  }
}
