import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { sql } from "kysely";
import { describe, expect, test, vi } from "vitest";
import { openDatabase } from "../../../src/database/index.ts";
import { EventLog, recordEvent } from "../../../src/events/index.ts";
import { ManualClock, runChecked, silentLogger } from "../../../src/runtime/index.ts";
import { useDatabase, useEmptyLocation } from "../../support/database.ts";

const PROGRAM = join(import.meta.dirname, "../../fixtures/programs/commit-events.ts");
const STRACE = "/usr/bin/strace";

describe("the embedded database", () => {
  const db = useDatabase("sqlite");
  const path = (): string => (db.location as { path: string }).path;

  test("has every safety setting on both of its connections", async () => {
    const settings = sql`select
      (select synchronous from pragma_synchronous) as synchronous,
      (select journal_mode from pragma_journal_mode) as journal_mode,
      (select foreign_keys from pragma_foreign_keys) as foreign_keys`;
    const expected = [{ synchronous: 2, journal_mode: "wal", foreign_keys: 1 }];

    const reading = await settings.execute(db.database.read);
    const writing = await db.database.transaction((tx) => settings.execute(tx));

    expect(reading.rows).toEqual(expected);
    expect(writing.rows).toEqual(expected);
  });

  test("gives its cache back when it rests, never within a transaction, and goes on", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const executed = vi.spyOn(DatabaseSync.prototype, "exec");
    const shrinks = (): number => executed.mock.calls.filter(([text]) => text === "pragma shrink_memory").length;
    const database = await openDatabase(db.location, { clock: db.clock, logger: silentLogger });
    try {
      await database.transaction((tx) => recordEvent(tx, { type: "BUILT", source: "before" }));
      await vi.advanceTimersByTimeAsync(60_000);
      const afterRest = shrinks();
      await database.transaction(async (tx) => {
        await vi.advanceTimersByTimeAsync(60_000);
        await recordEvent(tx, { type: "BUILT", source: "after" });
        expect(shrinks()).toBe(afterRest);
      });
      await vi.advanceTimersByTimeAsync(60_000);

      expect(afterRest).toBeGreaterThan(0);
      expect(shrinks()).toBeGreaterThan(afterRest);
      expect(await new EventLog(database).newestId()).toBeGreaterThanOrEqual(2);
    } finally {
      await database.close();
      executed.mockRestore();
      vi.useRealTimers();
    }
  });

  test("keeps every commit that returned when it is killed in the middle of writing", async () => {
    const lastPrinted = await commitUntilKilled(path());

    const reopened = await openDatabase(db.location, { clock: db.clock, logger: silentLogger });
    const newestId = await new EventLog(reopened).newestId();
    const { rows } = await sql`pragma integrity_check`.execute(reopened.read);
    await reopened.close();

    expect(lastPrinted).toBeGreaterThanOrEqual(50);
    expect(newestId).toBeGreaterThanOrEqual(lastPrinted);
    expect(rows).toEqual([{ integrity_check: "ok" }]);
  });

  test("asks the kernel to write each commit to the disk before it returns", async (context) => {
    context.skip(!existsSync(STRACE) && process.env.CI === undefined, "no strace");
    const tracePath = join(dirname(path()), "trace");
    const trace = ["-f", "-y", "-e", "trace=fsync,fdatasync", "-o", tracePath] as const;

    await runChecked({ argv: [STRACE, ...trace, process.execPath, PROGRAM, path(), "20"], timeoutMs: 60_000 });

    const lines = (await readFile(tracePath, "utf8")).split("\n");
    expect(lines.filter((line) => line.includes("-wal>")).length).toBeGreaterThanOrEqual(20);
  });

  test("says that the disk is full as an error of the world, loses nothing, and goes on when there is room", async () => {
    const limitPages = (count: number) => sql.raw(`pragma max_page_count = ${count}`);
    await db.database.transaction((tx) => recordEvent(tx, { type: "BUILT", source: "kept" }));

    const full = db.database.transaction(async (tx) => {
      await limitPages(1).execute(tx);
      await recordEvent(tx, { type: "BUILT", data: { much: "x".repeat(100_000) } });
    });
    await expect(full).rejects.toMatchObject({ kind: "unavailable", code: "DATABASE_FULL" });
    await db.database.transaction((tx) => limitPages(1_000_000).execute(tx));
    await db.database.transaction((tx) => recordEvent(tx, { type: "BUILT", source: "later" }));

    expect(await new EventLog(db.database).list()).toMatchObject([{ source: "later" }, { source: "kept" }]);
  });

  test("that another process has locked is busy, an error of the world", async () => {
    const another = await db.openAnother();

    const refused = await db.database.transaction(async () => {
      // The other server's wait blocks this thread, so the lock cannot be given back meanwhile.
      return another.transaction((tx) => recordEvent(tx, { type: "BUILT" })).catch((error: unknown) => error);
    });

    expect(refused).toMatchObject({ kind: "unavailable", code: "DATABASE_BUSY" });
  });
});

describe("the embedded database's file", () => {
  const location = useEmptyLocation("sqlite");
  const open = () => openDatabase(location(), { clock: new ManualClock(new Date(0)), logger: silentLogger });
  const path = (): string => (location() as { path: string }).path;

  test("can be read by its owner only, and so can its companions", async () => {
    const database = await open();
    await database.transaction((tx) => recordEvent(tx, { type: "BUILT" }));

    const modes = await Promise.all(["", "-wal", "-shm"].map(async (suffix) => (await stat(path() + suffix)).mode & 0o777));
    await database.close();

    expect(modes).toEqual([0o600, 0o600, 0o600]);
  });

  test("that is no database is refused and not touched", async () => {
    const content = "Not a database, but ten times as long as needed. ".repeat(100);
    await writeFile(path(), content);

    await expect(open()).rejects.toMatchObject({ kind: "conflict", code: "DATABASE_DAMAGED" });
    expect(await readFile(path(), "utf8")).toBe(content);
  });

  test("in a place where none can be made is an error of the world", async () => {
    await chmod(dirname(path()), 0o700);
    await writeFile(join(dirname(path()), "file"), "");
    const blocked = { kind: "sqlite", path: join(dirname(path()), "file/database.sqlite") } as const;

    const opened = openDatabase(blocked, { clock: new ManualClock(new Date(0)), logger: silentLogger });

    await expect(opened).rejects.toMatchObject({ kind: "unavailable", code: "DATABASE_UNREACHABLE" });
  });
});

/** SIGKILL the writer after its fiftieth commit; answers the last id it has printed. */
async function commitUntilKilled(path: string): Promise<number> {
  const child = spawn(process.execPath, [PROGRAM, path, "1000000"], { stdio: ["ignore", "pipe", "inherit"] });
  let last = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line);
    if (last === 50) child.kill("SIGKILL");
  }
  return last;
}
