import { sql } from "kysely";
import { describe, expect, test, vi } from "vitest";
import type { Database } from "../../../src/database/index.ts";
import { EventLog, PUBLIC_EVENT_TYPES, recordEvent, type StoredEvent } from "../../../src/events/index.ts";
import { engines, useDatabase } from "../../support/database.ts";

const tenSources = Array.from({ length: 10 }, (_, index) => `source-${index}`);

describe.each(engines)("the event log on %s", (engine) => {
  const db = useDatabase(engine);

  async function record(...sources: string[]): Promise<number[]> {
    return db.database.transaction(async (tx) => {
      const ids: number[] = [];
      for (const source of sources) ids.push(await recordEvent(tx, { type: "PACKAGING", source }));
      return ids;
    });
  }

  test("an event comes back as it was recorded, with the time of its transaction", async () => {
    const log = new EventLog(db.database);

    await db.database.transaction(async (tx) => {
      const event = {
        type: "BUILT",
        uploadId: "u",
        buildId: "b",
        distribution: "d",
        source: "s",
        version: "1:1~",
        architecture: "amd64",
      } as const;
      await recordEvent(tx, { ...event, data: { steps: [1, "zwei"] } });
    });

    expect(await log.list()).toEqual([
      {
        id: 1,
        type: "BUILT",
        uploadId: "u",
        buildId: "b",
        distribution: "d",
        source: "s",
        version: "1:1~",
        architecture: "amd64",
        occurredAt: db.clock.now(),
        data: { steps: [1, "zwei"] },
      },
    ]);
  });

  test("an event of a transaction that is rolled back never happened", async () => {
    const log = new EventLog(db.database);

    const failed = db.database.transaction(async (tx) => {
      await recordEvent(tx, { type: "INSTALLED" });
      throw new Error("after the event");
    });

    await expect(failed).rejects.toThrow("after the event");
    expect(await log.list()).toEqual([]);
  });

  test("pages go from the newest back, without gap or overlap", async () => {
    const ids = await record("a", "b", "c", "d", "e", "f", "g");
    const log = new EventLog(db.database);

    const first = await log.list({ limit: 3 });
    const second = await log.list({ limit: 3, beforeId: first.at(-1)!.id });
    const third = await log.list({ limit: 3, beforeId: second.at(-1)!.id });

    expect([first, second, third].flat().map(({ id }) => id)).toEqual(ids.toReversed());
    expect(await log.list({ afterId: ids[4]! })).toHaveLength(2);
  });

  test("a list is narrowed by type and by what the event is about", async () => {
    await record("a", "b");
    await db.database.transaction((tx) => recordEvent(tx, { type: "FAILED", source: "a", uploadId: "a/1/t" }));
    const log = new EventLog(db.database);

    expect(await log.list({ source: "a" })).toHaveLength(2);
    expect(await log.list({ source: "a", types: ["FAILED", "REJECTED"] })).toHaveLength(1);
    expect(await log.list({ uploadId: "a/1/t" })).toHaveLength(1);
    expect(await log.list({ version: "1" })).toEqual([]);
  });

  test("a subscription begins with the first event after it was asked for, even if it is read later", async () => {
    await record("before");
    const log = new EventLog(db.database);
    const end = new AbortController();

    const subscription = log.subscribe({ signal: end.signal });
    await log.newestId();
    await record("after");

    expect(await take(subscription, 1)).toMatchObject([{ source: "after" }]);
  });

  test("a waiting subscriber is woken by a commit", async () => {
    const log = new EventLog(db.database, { pollIntervalMs: 3_600_000 });
    const end = new AbortController();

    const events = take(log.subscribe({ afterId: 0, signal: end.signal }), 2);
    await record("one");
    await record("two");

    expect(await events).toMatchObject([{ source: "one" }, { source: "two" }]);
  });

  test("a reader slower than the writers misses nothing and gets everything in order", async () => {
    const log = new EventLog(db.database);
    const end = new AbortController();
    const seen: number[] = [];

    // Ten events come for each one read: the backlog grows to many times what is read at once.
    for await (const event of log.subscribe({ afterId: await firstId(), signal: end.signal })) {
      seen.push(event.id);
      if (seen.length <= 70) await record(...tenSources);
      if (seen.length === 700) break;
    }

    expect(seen).toEqual(Array.from({ length: 700 }, (_, index) => index + 2));
  });

  test("aborting ends a subscription that waits, and one in the middle of its events", async () => {
    const log = new EventLog(db.database);
    const waiting = new AbortController();
    const busy = new AbortController();
    await record("one", "two", "three");

    const none = take(log.subscribe({ signal: waiting.signal }), 1);
    waiting.abort();
    const seen: string[] = [];
    for await (const event of log.subscribe({ afterId: 0, signal: busy.signal })) {
      seen.push(event.source!);
      busy.abort();
    }

    expect(await none).toEqual([]);
    expect(seen).toEqual(["one"]);
  });

  test("a subscriber that waits leaves the database in peace", async () => {
    let looks = 0;
    const { database } = db;
    const counting: Database = {
      ...database,
      get read() {
        looks++;
        return database.read;
      },
    };
    const end = new AbortController();
    await record("one");

    const events = take(new EventLog(counting, { pollIntervalMs: 3_600_000 }).subscribe({ afterId: 0, signal: end.signal }), 3);
    await record("two");
    await vi.waitFor(() => expect(looks).toBeGreaterThanOrEqual(2));
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    await database.read.selectFrom("events").select("id").execute();
    const looksWhileQuiet = looks;
    await record("three");

    expect(await events).toHaveLength(3);
    expect(looksWhileQuiet).toBeLessThanOrEqual(4);
  });

  test("a subscription shows only what it filters for", async () => {
    const log = new EventLog(db.database);
    const end = new AbortController();

    const events = take(log.subscribe({ afterId: 0, types: ["REMOVED"], source: "b", signal: end.signal }), 1);
    await record("b", "a");
    await db.database.transaction((tx) => recordEvent(tx, { type: "REMOVED", source: "a" }));
    await db.database.transaction((tx) => recordEvent(tx, { type: "REMOVED", source: "b" }));

    expect(await events).toMatchObject([{ type: "REMOVED", source: "b" }]);
  });

  /** The backlog test begins with one event to read. */
  async function firstId(): Promise<number> {
    const [id] = await record("first", "second");
    return id!;
  }
});

describe("the event log of several servers", () => {
  const db = useDatabase("postgres");

  test("finds what another server has recorded, without its wake-up call", async () => {
    const log = new EventLog(db.database, { pollIntervalMs: 10 });
    const another = await db.openAnother();
    const end = new AbortController();

    const events = take(log.subscribe({ afterId: 0, signal: end.signal }), 1);
    await another.transaction((tx) => recordEvent(tx, { type: "MIGRATED", source: "elsewhere" }));

    expect(await events).toMatchObject([{ source: "elsewhere" }]);
  });

  test("misses none when two servers record at the same time", async () => {
    const log = new EventLog(db.database, { pollIntervalMs: 5 });
    const another = await db.openAnother();
    const end = new AbortController();

    const events = take(log.subscribe({ afterId: 0, signal: end.signal }), 200);
    const write = async (database: Database): Promise<void> => {
      for (let count = 0; count < 100; count++) await database.transaction((tx) => recordEvent(tx, { type: "BUILT" }));
    };
    await Promise.all([write(db.database), write(another)]);

    expect(new Set((await events).map(({ id }) => id)).size).toBe(200);
  });
});

describe("the embedded database", () => {
  const db = useDatabase("sqlite");

  test.each(["distribution", "version", "source"])(
    "finds the events of one %s since long ago by an index, in their order",
    async (column) => {
      const types = PUBLIC_EVENT_TYPES.map((type) => `'${type}'`).join(", ");
      const { rows } = await sql<{ detail: string }>`explain query plan select * from events
      where type in (${sql.raw(types)}) and ${sql.ref(column)} = 'x' and id > 0 order by id limit 200`.execute(db.database.read);

      expect(rows.map(({ detail }) => detail)).toEqual([
        expect.stringContaining(`USING INDEX events_by_${column} (${column}=? AND id>?)`),
      ]);
    },
  );
});

async function take(events: AsyncIterable<StoredEvent>, count: number): Promise<StoredEvent[]> {
  const taken: StoredEvent[] = [];
  for await (const event of events) {
    taken.push(event);
    if (taken.length === count) break;
  }
  return taken;
}
