import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { parseCatalog, resolveCatalog } from "../../../src/catalog/index.ts";
import { loadConfig } from "../../../src/daemon/config.ts";
import type { Foundation } from "../../../src/daemon/foundation.ts";
import { Mirrors } from "../../../src/daemon/mirrors.ts";
import { JobWorker, TableQueue } from "../../../src/queue/index.ts";
import { silentLogger } from "../../../src/runtime/index.ts";
import { useDatabase } from "../../support/database.ts";
import { makeTestKey, type TestKey } from "../../support/keys.ts";

/* With the real debmirror, from a server that answers when a test wants. A mirror that is made: the original's clients. */
const CATALOG = `
[archive-sources.debian]
uris = ["http://archive.example.org/debian"]
suites = ["bookworm"]
signed-by = "debian.asc"
[codenames.bookworm]
base = "debian"
architectures = ["amd64"]
codeversion = "12"
[repositories.test]
codenames = ["bookworm"]
uploads = "unsigned"
`;
const WAIT = { timeout: 60_000, interval: 100 };

const db = useDatabase();
let home: string;
let key: TestKey;
let server: Server;
let asked: { readonly path: string; readonly response: ServerResponse }[];
let answersAtOnce: boolean;
let running: { readonly jobs: JobWorker; readonly mirrors: Mirrors } | undefined;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "mbd-mirrors-"));
  key = await makeTestKey();
  asked = [];
  answersAtOnce = false;
  server = createServer((request, response) => {
    asked.push({ path: request.url ?? "", response });
    if (answersAtOnce) response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  await stop();
  server.closeAllConnections();
  server.close();
  await key.dispose();
  await rm(home, { recursive: true, force: true });
});

/** As a daemon that starts: what was interrupted is free again. */
async function start(): Promise<Mirrors> {
  const { database } = db;
  await database.transaction((tx) => new TableQueue(database, db.clock).releaseAllLeases(tx));
  const jobs = new JobWorker({ database, clock: db.clock, logger: silentLogger, pollIntervalMs: 50 });
  const config = await loadConfig(home);
  const { port } = server.address() as AddressInfo;
  const armored = await key.armoredPublicKey();
  const foundation = {
    config: { ...config, http: { ...config.http, address: "127.0.0.1", port } },
    database,
    jobs,
    key: { armoredPublicKey: () => armored },
  } as unknown as Foundation;
  const catalog = await resolveCatalog(parseCatalog(CATALOG), { etcPath: join(home, "etc") });
  const mirrors = new Mirrors(foundation, () => catalog);
  mirrors.register();
  jobs.start();
  running = { jobs, mirrors };
  return mirrors;
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
