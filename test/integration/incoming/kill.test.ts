import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openDatabaseReader } from "../../../src/database/index.ts";
import { hashFile, silentLogger } from "../../../src/runtime/index.ts";
import { type IncomingProcess, startIncoming } from "./incoming-process.ts";
import { type MadeUpload, makeUpload, WAIT } from "./incoming-site.ts";
import { beginStor, type Ports, type Protocol, sendFile } from "./senders.ts";

const ROUNDS = 12;

let home: string;
let incoming: IncomingProcess | undefined;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "mbd-kill-"));
});

afterEach(async () => {
  await incoming?.kill();
  await rm(home, { recursive: true });
});

test("killed at any moment, it takes every upload exactly once when they are sent again", async () => {
  const uploads: MadeUpload[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const upload = await makeUpload({ workPath: home }, { name: `hello${round}` });
    uploads.push(upload);
    const ports = await start();
    const sending = sendAll(ports, upload, round < ROUNDS / 2 ? "ftp" : "http");

    // Each round the kill falls on another moment: after so many steps of sending, or some time after the last.
    await sending.step(round % (upload.names.length + 2));
    await incoming?.kill();
    await sending.ended;
  }

  const ports = await start();
  for (const upload of uploads) {
    for (const name of upload.names) await sendFile(ports, "ftp", upload.directory, name);
  }

  await vi.waitFor(async () => expect(await acceptedHashes()).toHaveLength(ROUNDS), WAIT);
  const expected = await Promise.all(uploads.map(async (upload) => (await hashFile(upload.changesPath)).sha256));
  expect((await acceptedHashes()).sort()).toEqual(expected.sort());
  await expectOnlySpareFiles();
  for (const upload of uploads) {
    const directory = join(home, "received", (await hashFile(upload.changesPath)).sha256);
    for (const file of [upload.source.dsc, ...upload.source.files]) {
      expect(await readFile(join(directory, file.name))).toEqual(await readFile(file.path));
    }
  }
});

test("killed in the middle of a transfer, nothing of the file is left after the next start", async () => {
  const ports = await start();
  const { client, data } = await beginStor(ports, "big.tar", Buffer.alloc(1024 ** 2));
  await vi.waitFor(async () => expect(await readdir(join(home, "quarantine"))).toHaveLength(1), WAIT);
  await incoming?.kill();
  client.close();
  data.destroy();

  await start();

  expect(await readdir(join(home, "quarantine"))).toEqual([]);
});

/** Sends file after file; `step(n)` resolves when n files were stored (or sending has failed). */
function sendAll(
  ports: Ports,
  upload: MadeUpload,
  protocol: Protocol,
): { step(count: number): Promise<void>; ended: Promise<void> } {
  let stored = 0;
  let isEnded = false;
  const send = async (): Promise<void> => {
    try {
      for (const name of upload.names) {
        await sendFile(ports, protocol, upload.directory, name);
        stored += 1;
      }
    } catch {
      // The server was killed: that is what this is about.
    }
    isEnded = true;
  };
  const ended = send();
  return {
    ended,
    step: (count) => vi.waitFor(() => expect(stored >= count || isEnded).toBe(true), { timeout: 15_000, interval: 1 }),
  };
}

async function start(): Promise<Ports> {
  incoming = await startIncoming(home);
  return incoming.ports;
}

async function acceptedHashes(): Promise<string[]> {
  return read(async (db) => (await db.selectFrom("uploads").select("changes_sha256").execute()).map((row) => row.changes_sha256));
}

/** Files sent twice remain for a while as spares; nothing waits, and rows and files agree. */
async function expectOnlySpareFiles(): Promise<void> {
  await vi.waitFor(async () => {
    const rows = await read((db) => db.selectFrom("quarantine_files").select(["id", "kind"]).execute());
    expect(rows.filter((row) => row.kind !== "spare")).toEqual([]);
    expect((await readdir(join(home, "quarantine"))).sort()).toEqual(rows.map((row) => row.id).sort());
  }, WAIT);
}

async function read<T>(query: (db: ReturnType<typeof openDatabaseReader>["read"]) => Promise<T>): Promise<T> {
  const reader = openDatabaseReader({ kind: "sqlite", path: join(home, "test.sqlite") }, { logger: silentLogger });
  try {
    return await query(reader.read);
  } finally {
    await reader.close();
  }
}
