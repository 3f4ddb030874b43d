import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import { type Database, isUniqueViolation, type Transaction } from "../../../src/database/index.ts";
import { engines, useDatabase } from "../../support/database.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";

describe.each(engines)("a write transaction on %s", (engine) => {
  const recorded = createRecordingLogger();
  const db = useDatabase(engine, { logger: recorded.logger });

  test("is visible to readers after its commit, not before", async () => {
    const seen: number[] = [];

    await db.database.transaction(async (tx) => {
      await addRevision(tx, "one");
      seen.push(await countRevisions(db.database));
    });
    seen.push(await countRevisions(db.database));

    expect(seen).toEqual([0, 1]);
  });

  test("leaves nothing when its work throws, and throws the same", async () => {
    const failure = new Error("half way");

    const failed = db.database.transaction(async (tx) => {
      await addRevision(tx, "one");
      throw failure;
    });

    await expect(failed).rejects.toBe(failure);
    expect(await countRevisions(db.database)).toBe(0);
  });

  test("runs its callbacks after the commit, in order, and one that throws harms nobody", async () => {
    const order: string[] = [];

    await db.database.transaction(async (tx) => {
      tx.afterCommit(() => order.push("first"));
      tx.afterCommit(() => {
        throw new Error("callback");
      });
      tx.afterCommit(() => order.push("second"));
      await addRevision(tx, "one");
      order.push("work");
    });

    expect(order).toEqual(["work", "first", "second"]);
    expect(await countRevisions(db.database)).toBe(1);
  });

  test("that is rolled back runs no callback and wakes nobody", async () => {
    const called: string[] = [];
    db.database.onWake("topic", () => called.push("wake"));

    const failed = db.database.transaction(async (tx) => {
      tx.afterCommit(() => called.push("callback"));
      tx.wake("topic");
      await Promise.reject(new Error("no"));
    });

    await expect(failed).rejects.toThrow("no");
    expect(called).toEqual([]);
  });

  test("wakes those who listen to its topics, once, until they stop listening", async () => {
    const woken: string[] = [];
    const stop = db.database.onWake("a", () => woken.push("a"));
    db.database.onWake("b", () => woken.push("b"));
    const wakeBoth = (tx: Transaction): Promise<void> => {
      tx.wake("a");
      tx.wake("a");
      return addRevision(tx, "one");
    };

    await db.database.transaction(wakeBoth);
    stop();
    await db.database.transaction(wakeBoth);

    expect(woken).toEqual(["a"]);
  });

  test("reads and writes as if it were alone: twenty at once lose no update", async () => {
    await db.database.transaction((tx) => addRevision(tx, "0"));
    const addOne = (tx: Transaction): Promise<void> => increment(tx);

    await Promise.all(Array.from({ length: 20 }, () => db.database.transaction(addOne)));

    const row = await db.database.read.selectFrom("catalog_revisions").selectAll().executeTakeFirstOrThrow();
    expect(row.toml).toBe("20");
  });

  test("has one time, that of the clock at its begin", async () => {
    const times = await db.database.transaction(async (tx) => {
      const before = tx.now();
      db.clock.advance(1_000);
      return [before, tx.now()];
    });

    expect(times[0]).toEqual(times[1]);
    expect(times[0]).toEqual(new Date(db.clock.now().getTime() - 1_000));
  });

  test("inside another one is refused instead of waiting for itself", async () => {
    const nested = db.database.transaction(() => db.database.transaction((tx) => addRevision(tx, "inner")));

    await expect(nested).rejects.toMatchObject({ kind: "bug", message: expect.stringContaining("inside another") as string });
    await db.database.transaction((tx) => addRevision(tx, "afterwards"));
  });

  test("in which a statement failed cannot commit, even when the failure was caught", async () => {
    const doomed = db.database.transaction(async (tx) => {
      await addRevision(tx, "one");
      await sql`insert into no_such_table values (1)`.execute(tx).catch(() => {});
    });

    await expect(doomed).rejects.toMatchObject({
      kind: "bug",
      message: expect.stringContaining("a statement had failed") as string,
    });
    expect(await countRevisions(db.database)).toBe(0);
    await db.database.transaction((tx) => addRevision(tx, "afterwards"));
    expect(await countRevisions(db.database)).toBe(1);
  });

  test("that breaks a unique key says so", async () => {
    const insertTwice = db.database.transaction(async (tx) => {
      await addSchedule(tx, "same", 1);
      await addSchedule(tx, "same", 2);
    });

    await expect(insertTwice).rejects.toSatisfy(isUniqueViolation);
  });

  test("that breaks a reference is refused", async () => {
    const dangling = db.database.transaction((tx) =>
      tx.insertInto("upload_files").values({ upload_id: "nowhere", name: "a.dsc", size_bytes: 1, sha256: "0" }).execute(),
    );

    await expect(dangling).rejects.toThrow(/foreign key/i);
  });

  test("the connection for reading refuses to write", async () => {
    await expect(db.database.read.deleteFrom("events").execute()).rejects.toThrow(/read-?only/i);
  });

  test("integers come back as numbers up to 2^53 - 1, and beyond that as an error, never rounded", async () => {
    await db.database.transaction(async (tx) => {
      await addSchedule(tx, "largest", Number.MAX_SAFE_INTEGER);
      await sql`insert into job_schedules values ('beyond', 'kind', '{}', 9007199254740993, '')`.execute(tx);
    });
    const read = (name: string) =>
      db.database.read.selectFrom("job_schedules").select("interval_ms").where("name", "=", name).executeTakeFirstOrThrow();

    expect(await read("largest")).toEqual({ interval_ms: Number.MAX_SAFE_INTEGER });
    await expect(read("beyond")).rejects.toThrow(RangeError);
  });

  test("counts and sums are numbers", async () => {
    await db.database.transaction(async (tx) => {
      await addSchedule(tx, "a", 1);
      await addSchedule(tx, "b", 2);
    });

    const totals = await db.database.read
      .selectFrom("job_schedules")
      .select((eb) => [eb.fn.countAll().as("count"), eb.fn.sum("interval_ms").as("sum")])
      .executeTakeFirstOrThrow();

    expect(totals).toEqual({ count: 2, sum: 3 });
  });

  test("text sorts as bytes", async () => {
    const names = ["~", "Z", "a", "ä", "1", "+"];
    await db.database.transaction(async (tx) => {
      for (const name of names) await addSchedule(tx, name, 1);
    });

    const sorted = await db.database.read.selectFrom("job_schedules").select("name").orderBy("name").execute();

    expect(sorted.map(({ name }) => name)).toEqual(["+", "1", "Z", "a", "~", "ä"]);
  });

  test("a query over 20 ms is logged with its text and without its parameters", async () => {
    const secret = "a secret";
    const slow =
      engine === "postgres"
        ? sql`select pg_sleep(0.05), ${secret}::text`
        : sql`with recursive n (i) as (select 1 union all select i + 1 from n where i < 500000) select count(*), ${secret} from n`;

    await slow.execute(db.database.read);

    const line = recorded.lines.find(({ fields }) => /pg_sleep|recursive/.test(String(fields.sql)));
    expect(line).toMatchObject({ level: "warn", message: "slow query", fields: { durationMs: expect.any(Number) as number } });
    expect(JSON.stringify(line)).not.toContain(secret);
  });

  test("after close every use is refused", async () => {
    const { database } = db;
    await database.close();

    await expect(database.transaction((tx) => addRevision(tx, "late"))).rejects.toMatchObject({ code: "DATABASE_CLOSED" });
    await expect(countRevisions(database)).rejects.toMatchObject({ code: "DATABASE_CLOSED" });
    await expect(database.close()).resolves.toBeUndefined();
  });
});

describe("several servers on one PostgreSQL", () => {
  const db = useDatabase("postgres");

  test("lose no update either", async () => {
    const another = await db.openAnother();
    await db.database.transaction((tx) => addRevision(tx, "0"));

    const work = [db.database, another].flatMap((database) =>
      Array.from({ length: 20 }, () => database.transaction((tx) => increment(tx))),
    );
    await Promise.all(work);

    const row = await db.database.read.selectFrom("catalog_revisions").selectAll().executeTakeFirstOrThrow();
    expect(row.toml).toBe("40");
  });

  test("a broken connection is an error of the world, after which work goes on", async () => {
    const another = await db.openAnother();

    const broken = db.database.transaction(async (tx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
      await sql`select pg_terminate_backend(${rows[0]!.pid})`.execute(another.read);
      await addRevision(tx, "lost");
    });

    await expect(broken).rejects.toMatchObject({ kind: "unavailable", code: "DATABASE_UNREACHABLE" });
    await db.database.transaction((tx) => addRevision(tx, "kept"));
    expect(await countRevisions(db.database)).toBe(1);
  });

  test("commits are on the disk before they return", async () => {
    const { rows } = await db.database.transaction((tx) => sql`show synchronous_commit`.execute(tx));

    expect(rows).toEqual([{ synchronous_commit: "on" }]);
  });
});

async function addRevision(tx: Transaction, toml: string): Promise<void> {
  await tx.insertInto("catalog_revisions").values({ applied_at: tx.now().toISOString(), toml }).execute();
}

async function countRevisions(database: Database): Promise<number> {
  const rows = await database.read.selectFrom("catalog_revisions").select("id").execute();
  return rows.length;
}

/** Reads, then writes what follows from it: wrong unless nobody writes in between. */
async function increment(tx: Transaction): Promise<void> {
  const { id, toml } = await tx.selectFrom("catalog_revisions").selectAll().executeTakeFirstOrThrow();
  await tx
    .updateTable("catalog_revisions")
    .set({ toml: String(Number(toml) + 1) })
    .where("id", "=", id)
    .execute();
}

async function addSchedule(tx: Transaction, name: string, intervalMs: number): Promise<void> {
  const row = { name, kind: "kind", payload: "{}", interval_ms: intervalMs, next_run_at: "" };
  await tx.insertInto("job_schedules").values(row).execute();
}
