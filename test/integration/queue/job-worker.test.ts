import { afterEach, describe, expect, test, vi } from "vitest";
import type { Transaction } from "../../../src/database/index.ts";
import { EventLog, recordEvent } from "../../../src/events/index.ts";
import { enqueue, type JobContext, JobWorker, type JobWorkerOptions, type NewJob, TableQueue } from "../../../src/queue/index.ts";
import { AppError, silentLogger } from "../../../src/runtime/index.ts";
import { engines, useDatabase } from "../../support/database.ts";

const mirrorAway = new AppError({ kind: "unavailable", code: "MIRROR_AWAY", message: "the mirror does not answer" });

describe.each(engines)("a job worker on %s", (engine) => {
  const db = useDatabase(engine);
  const workers: JobWorker[] = [];

  afterEach(async () => {
    for (const worker of workers.splice(0)) await worker.stop();
  });

  function createWorker(options: Partial<JobWorkerOptions> = {}): JobWorker {
    const worker = new JobWorker({
      database: db.database,
      clock: db.clock,
      logger: silentLogger,
      random: () => 0,
      pollIntervalMs: 10,
      ...options,
    });
    workers.push(worker);
    return worker;
  }

  async function add(...jobs: (Partial<NewJob> & { payload?: unknown })[]): Promise<number[]> {
    return db.database.transaction(async (tx) => {
      const ids: number[] = [];
      for (const job of jobs) ids.push((await enqueue(tx, { kind: "test", payload: null, ...job })).jobId);
      return ids;
    });
  }

  async function stateOf(jobId: number): Promise<string | undefined> {
    return (await new TableQueue(db.database, db.clock).find(jobId))?.state;
  }

  async function untilStateIs(jobId: number, state: string): Promise<void> {
    await vi.waitFor(async () => expect(await stateOf(jobId)).toBe(state), { timeout: 10_000, interval: 5 });
  }

  test("runs what was enqueued before its start and what comes later, without waiting for a poll", async () => {
    const worker = createWorker({ pollIntervalMs: 3_600_000 });
    const done: unknown[] = [];
    worker.register("test", async (payload) => void done.push(payload));
    const [before] = await add({ payload: "before" });

    worker.start();
    await untilStateIs(before!, "done");
    const [later] = await add({ payload: "later" });
    await untilStateIs(later!, "done");

    expect(done).toEqual(["before", "later"]);
  });

  test("runs as many jobs at once as it may, and no more", async () => {
    const worker = createWorker({ concurrency: 3 });
    const gate = Promise.withResolvers<void>();
    let running = 0;
    let runningMax = 0;
    worker.register("test", async () => {
      runningMax = Math.max(runningMax, ++running);
      await gate.promise;
      running--;
    });
    const ids = await add({}, {}, {}, {}, {}, {});

    worker.start();
    await vi.waitFor(() => expect(running).toBe(3));
    gate.resolve();
    for (const id of ids) await untilStateIs(id, "done");

    expect(runningMax).toBe(3);
  });

  test("two workers share the work without doing any of it twice", async () => {
    const done: number[] = [];
    for (const worker of [createWorker(), createWorker()]) {
      worker.register<number>("test", async (payload) => void done.push(payload));
      worker.start();
    }

    const ids = await add(...Array.from({ length: 20 }, (_, payload) => ({ payload })));
    for (const id of ids) await untilStateIs(id, "done");

    expect(done.toSorted((left, right) => left - right)).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });

  test("tries again what is unavailable, with growing delays, until the last attempt fails", async () => {
    const worker = createWorker();
    const attempts: string[] = [];
    worker.register("test", async (_payload, { attempt, isLastAttempt }) => {
      attempts.push(`${attempt}${isLastAttempt ? " last" : ""}`);
      throw mirrorAway;
    });
    const [id] = await add({ attemptsMax: 3 });
    const queue = new TableQueue(db.database, db.clock);

    worker.start();
    for (const [failures, delayMs] of [
      [1, 500],
      [2, 1_000],
    ] as const) {
      await vi.waitFor(async () => expect(await queue.find(id!)).toMatchObject({ failures, state: "waiting" }));
      expect((await queue.find(id!))?.runAt).toEqual(new Date(db.clock.now().getTime() + delayMs));
      db.clock.advance(delayMs);
    }
    await untilStateIs(id!, "failed");

    expect(attempts).toEqual(["1", "2", "3 last"]);
    expect((await queue.find(id!))?.lastError).toBe("MIRROR_AWAY: the mirror does not answer");
  });

  test("tells the workflow of a final failure in the transaction that ends the job", async () => {
    const worker = createWorker();
    worker.register<string>(
      "test",
      async () => {
        throw new Error("a bug");
      },
      {
        onFailed: async (tx, source, error) =>
          void (await recordEvent(tx, { type: "FAILED", source, data: { code: error.code } })),
      },
    );
    const [id] = await add({ payload: "hello" });

    worker.start();
    await untilStateIs(id!, "failed");

    expect(await new EventLog(db.database).list()).toMatchObject([
      { type: "FAILED", source: "hello", data: { code: "INTERNAL" } },
    ]);
  });

  test("a handler that ends its job in its own transaction does so once", async () => {
    const worker = createWorker();
    worker.register("test", async (_payload, context) => {
      await db.database.transaction(async (tx) => {
        await recordEvent(tx, { type: "BUILT" });
        await context.completeIn(tx);
      });
    });
    const [id] = await add({});

    worker.start();
    await untilStateIs(id!, "done");
    await worker.drain();

    expect(await stateOf(id!)).toBe("done");
    expect(await new EventLog(db.database).list()).toHaveLength(1);
  });

  test("a handler whose lease is lost cannot change state with completeIn", async () => {
    const worker = createWorker();
    const reached = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const outcome = Promise.withResolvers<unknown>();
    worker.register("test", async (_payload, context) => {
      reached.resolve();
      await goOn.promise;
      const change = async (tx: Transaction): Promise<void> => {
        await recordEvent(tx, { type: "BUILT" });
        await context.completeIn(tx);
      };
      await db.database.transaction(change).then(outcome.resolve, outcome.resolve);
    });
    const [id] = await add({});

    worker.start();
    await reached.promise;
    await db.database.transaction((tx) => new TableQueue(db.database, db.clock).releaseAllLeases(tx));
    await db.database.transaction((tx) => new TableQueue(db.database, db.clock).cancel(tx, { jobId: id! }));
    goOn.resolve();

    expect(await outcome.promise).toMatchObject({ code: "JOB_LEASE_LOST" });
    expect(await new EventLog(db.database).list()).toEqual([]);
  });

  test("cancelling tells the running handler at once", async () => {
    const worker = createWorker({ pollIntervalMs: 3_600_000 });
    const context = Promise.withResolvers<JobContext>();
    worker.register("test", async (_payload, given) => {
      context.resolve(given);
      await untilAborted(given.signal);
    });
    const [id] = await add({});

    worker.start();
    const { signal } = await context.promise;
    await db.database.transaction((tx) => new TableQueue(db.database, db.clock).cancel(tx, { jobId: id! }));
    await vi.waitFor(() => expect(signal.aborted).toBe(true));
    await worker.drain();

    expect(await stateOf(id!)).toBe("cancelled");
  });

  test("its heartbeat holds the lease of a long job", async () => {
    const leaseMs = 60;
    const worker = createWorker({ leaseMs, concurrency: 1 });
    const gate = Promise.withResolvers<void>();
    let begun = 0;
    worker.register("test", async () => {
      begun++;
      await gate.promise;
    });
    const other = createWorker({ leaseMs, concurrency: 1 });
    other.register("test", async () => void begun++);
    const [id] = await add({});

    worker.start();
    await vi.waitFor(() => expect(begun).toBe(1));
    other.start();
    for (let step = 0; step < 5; step++) {
      db.clock.advance(leaseMs - 1);
      await vi.waitFor(async () => expect(await leaseExpiry(id!)).toEqual(new Date(db.clock.now().getTime() + leaseMs)));
    }
    gate.resolve();
    await untilStateIs(id!, "done");

    expect(begun).toBe(1);
  });

  async function leaseExpiry(id: number): Promise<Date> {
    const row = await db.database.read
      .selectFrom("jobs")
      .select("lease_expires_at")
      .where("id", "=", id)
      .executeTakeFirstOrThrow();
    return new Date(row.lease_expires_at ?? 0);
  }

  test("drain lets running jobs end and takes no new ones", async () => {
    const worker = createWorker({ concurrency: 1 });
    const reached = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    worker.register("test", async () => {
      reached.resolve();
      await gate.promise;
    });
    const [first, second] = await add({}, {});

    worker.start();
    await reached.promise;
    const drained = worker.drain();
    gate.resolve();
    await drained;

    expect(await stateOf(first!)).toBe("done");
    expect(await stateOf(second!)).toBe("waiting");
  });

  test("stop interrupts running jobs, which go back to the queue as if untouched", async () => {
    const worker = createWorker();
    const reached = Promise.withResolvers<void>();
    worker.register("test", async (_payload, { signal }) => {
      reached.resolve();
      await untilAborted(signal);
      throw signal.reason;
    });
    const [id] = await add({});

    worker.start();
    await reached.promise;
    await worker.stop();

    expect(await new TableQueue(db.database, db.clock).find(id!)).toMatchObject({ state: "waiting", failures: 0 });
  });

  test("a job that was begun a hundred times and never ended is given up, with a word to its workflow", async () => {
    const worker = createWorker();
    const onFailed = vi.fn<(tx: Transaction, payload: unknown, error: AppError) => Promise<void>>(async () => {});
    const handler = vi.fn<() => Promise<void>>(async () => {});
    worker.register("test", handler, { onFailed });
    const [id] = await add({});
    await db.database.transaction((tx) => tx.updateTable("jobs").set({ fence: 100 }).where("id", "=", id!).execute());

    worker.start();
    await untilStateIs(id!, "failed");

    expect(handler).not.toHaveBeenCalled();
    expect(onFailed.mock.calls[0]?.[2]).toMatchObject({ kind: "bug", code: "JOB_ABANDONED" });
  });

  test("a worker that meets a bug of its own stops and says so", async () => {
    const onFatal = vi.fn<(error: unknown) => void>();
    const worker = createWorker({ onFatal });
    worker.register(
      "test",
      async () => {
        throw new Error("first");
      },
      {
        onFailed: async () => {
          throw new Error("second, while recording the first");
        },
      },
    );
    const [id, other] = await add({}, { runAt: new Date(db.clock.now().getTime() + 1) });

    worker.start();
    await vi.waitFor(() => expect(onFatal).toHaveBeenCalledOnce());
    db.clock.advance(1);
    await worker.drain();

    expect(onFatal.mock.calls[0]?.[0]).toMatchObject({ message: "second, while recording the first" });
    expect(await stateOf(id!)).toBe("leased");
    expect(await stateOf(other!)).toBe("waiting");
  });
});

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => {
    signal.addEventListener("abort", resolve, { once: true });
  });
}
