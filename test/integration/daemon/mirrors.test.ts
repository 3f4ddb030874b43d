import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Mirrors } from "../../../src/daemon/mirrors.ts";
import { useDatabase } from "../../support/database.ts";
import { makeTestKey, type TestKey } from "../../support/keys.ts";
import { type RunningMirrors, startMirrors } from "../../support/mirrors.ts";

/* With the real debmirror, from a server that answers when a test wants. A mirror that is made: the original's clients. */
const WAIT = { timeout: 60_000, interval: 100 };

const db = useDatabase();
let home: string;
let key: TestKey;
let server: Server;
let asked: { readonly path: string; readonly response: ServerResponse }[];
let answersAtOnce: boolean;
let running: RunningMirrors | undefined;
let programs: ChildProcess[];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "mbd-mirrors-"));
  key = await makeTestKey();
  asked = [];
  programs = [];
  answersAtOnce = false;
  server = createServer((request, response) => {
    asked.push({ path: request.url ?? "", response });
    if (answersAtOnce) response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  await stop();
  for (const program of programs) program.kill("SIGKILL");
  server.closeAllConnections();
  server.close();
  await key.dispose();
  await rm(home, { recursive: true, force: true });
});

async function start(): Promise<Mirrors> {
  const { database, clock } = db;
  const { port } = server.address() as AddressInfo;
  running = await startMirrors({ database, clock, home, port, armoredKey: await key.armoredPublicKey() });
  return running.mirrors;
}

async function stop(): Promise<void> {
  running?.mirrors.stop();
  await running?.jobs.stop();
  running = undefined;
}

const request = { rollbacks: 0, by: "root" };

test("a mirror is a job: it answers at once, is shown, and goes on after a restart", async () => {
  const mirrors = await start();
  await mirrors.make({ ...request, wait: false });
  await vi.waitFor(() => expect(asked.length).toBeGreaterThan(0), WAIT);
  expect(await mirrors.list()).toEqual([
    expect.objectContaining({ destination: join(home, "debmirror"), state: "leased", by: "root", endedAt: undefined }),
  ]);

  await stop();
  const { length } = asked;
  expect((await storedStates()).map(({ state }) => state)).toEqual(["waiting"]);
  const again = await start();
  await vi.waitFor(() => expect(asked.length).toBeGreaterThan(length), WAIT);

  expect((await again.list()).map(({ state }) => state)).toEqual(["leased"]);
  expect(existsSync(join(home, "debmirror/test"))).toBe(true);
});

/** By the table, when nothing runs. */
function storedStates(): Promise<{ state: string }[]> {
  return db.database.read.selectFrom("jobs").select("state").where("kind", "=", "debmirror").execute();
}

test("one directory is one mirror at a time, and so many at once leave room for other work", async () => {
  const mirrors = await start();
  await mirrors.make({ ...request, wait: false });

  await expect(mirrors.make({ ...request, wait: false })).rejects.toMatchObject({ code: "DEBMIRROR_RUNNING" });
  await mirrors.make({ ...request, destination: "second", wait: false });
  await expect(mirrors.make({ ...request, destination: "third", wait: false })).rejects.toMatchObject({ code: "DEBMIRROR_BUSY" });
  expect(await mirrors.list()).toHaveLength(2);
});

test("what may not or cannot be mirrored is refused before it is a job", async () => {
  const mirrors = await start();

  for (const [wanted, code] of [
    [{ destination: "/etc" }, "DEBMIRROR_DESTINATION"],
    [{ destination: "../.." }, "DEBMIRROR_DESTINATION"],
    [{ suites: ["nothing"] }, "DEBMIRROR_NOTHING"],
    [{ architectures: ["s390x"] }, "DEBMIRROR_NOTHING"],
  ] as const) {
    await expect(mirrors.make({ ...request, ...wanted, wait: true })).rejects.toMatchObject({ code });
  }
  expect(await mirrors.list()).toEqual([]);
});

test("who waits is told that it failed, and that it is tried again", async () => {
  answersAtOnce = true;
  const mirrors = await start();

  const failure = mirrors.make({ ...request, wait: true });

  await expect(failure).rejects.toMatchObject({
    code: "DEBMIRROR_FAILED",
    message: expect.stringContaining("debmirror of repository test failed"),
    hint: expect.stringContaining("tried again by itself"),
  });
  const [mirror] = await mirrors.list();
  expect(mirror?.problem).toContain("debmirror of repository test failed");
});

test("who waits while the instance stops is told that it goes on", async () => {
  const mirrors = await start();
  const waiting = mirrors.make({ ...request, wait: true }).catch((error: unknown) => error);
  await vi.waitFor(() => expect(asked.length).toBeGreaterThan(0), WAIT);

  await stop();

  expect(await waiting).toMatchObject({ code: "DEBMIRROR_UNFINISHED", kind: "unavailable" });
});

test("a killed instance leaves no debmirror that runs on, and nothing that keeps the next one from going on", async () => {
  await startProgram();
  await vi.waitFor(() => expect(asked.length).toBeGreaterThan(0), WAIT);
  expect(await debmirrors()).toHaveLength(1);

  programs[0]?.kill("SIGKILL");

  await vi.waitFor(async () => expect(await debmirrors()).toEqual([]), WAIT);
  const place = join(home, "debmirror/test");
  const [lock = ""] = (await readdir(place)).filter((name) => name.startsWith("Archive-Update-in-Progress-"));
  // Its number is another program's now, as after a restart of a container.
  const text = await readFile(join(place, lock), "utf8");
  await rm(join(place, lock));
  await writeFile(join(place, lock), text.replace(/^\d+/, String(process.pid)));
  const foreign = "Archive-Update-in-Progress-elsewhere.example.org";
  await writeFile(join(place, foreign), "1:elsewhere");
  const { length } = asked;
  await startProgram();

  // debmirror would wait for two minutes, and give up.
  await vi.waitFor(() => expect(asked.length).toBeGreaterThan(length), WAIT);
  expect(await readdir(join(home, "cache/mirrors"))).toHaveLength(1);
  expect(await readdir(place)).toContain(foreign);
});

async function startProgram(): Promise<void> {
  const keyPath = join(home, "key.asc");
  await writeFile(keyPath, await key.armoredPublicKey());
  const { port } = server.address() as AddressInfo;
  const path = join(import.meta.dirname, "../../fixtures/programs/make-mirror.ts");
  const program = spawn(process.execPath, [path, home, String(port), keyPath], { stdio: ["ignore", "ignore", "inherit"] });
  programs.push(program);
  await once(program, "spawn");
}

/** Those of this test's home. */
async function debmirrors(): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return lines.filter((line) => line.includes("debmirror") && line.includes(`--keyring=${home}`));
}
