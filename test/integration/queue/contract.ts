import { describe, expect, test } from "vitest";
import type { ClaimedJob, JobQueue, NewJob } from "../../../src/queue/index.ts";
import { type EngineKind, type TestDatabase, useDatabase } from "../../support/database.ts";

const LEASE_MS = 30_000;
const NO_ERROR = { error: "TEST: it did not work" };

/** What every driver of the queue must do. `create` makes the driver under test on a fresh database. */
export function describeJobQueue(engine: EngineKind, create: (db: TestDatabase) => JobQueue): void {
  const db = useDatabase(engine);

  describeClaiming(db, () => create(db));
  describeLeases(db, () => create(db));
  describeFailures(db, () => create(db));
  describeDedupeKeys(db, () => create(db));
  describeCancelling(db, () => create(db));
}

/** Short forms of what most tests do. */
class Driver {
  readonly queue: JobQueue;
  readonly #db: TestDatabase;

  constructor(db: TestDatabase, queue: JobQueue) {
    this.#db = db;
    this.queue = queue;
  }

  async add(job: Partial<NewJob> = {}): Promise<number> {
    const { jobId } = await this.#db.database.transaction((tx) =>
      this.queue.enqueue(tx, { kind: "test", payload: null, ...job }),
    );
    return jobId;
  }

  claim(kinds: readonly string[] = ["test"]): Promise<ClaimedJob | undefined> {
    return this.queue.claim({ kinds, leaseMs: LEASE_MS });
  }

  async claimOne(): Promise<ClaimedJob> {
    const job = await this.claim();
    if (job === undefined) throw new Error("no job to claim");
    return job;
  }

  complete(job: ClaimedJob): Promise<void> {
    return this.#db.database.transaction((tx) => this.queue.complete(tx, job));
  }

  retry(job: ClaimedJob, runAt: Date): Promise<void> {
    return this.#db.database.transaction((tx) => this.queue.retry(tx, job, { ...NO_ERROR, runAt }));
  }

  fail(job: ClaimedJob): Promise<void> {
    return this.#db.database.transaction((tx) => this.queue.fail(tx, job, NO_ERROR));
  }

  release(job: ClaimedJob): Promise<void> {
    return this.#db.database.transaction((tx) => this.queue.release(tx, job));
  }

  async stateOf(jobId: number): Promise<string | undefined> {
    return (await this.queue.find(jobId))?.state;
  }

  inMs(delayMs: number): Date {
    return new Date(this.#db.clock.now().getTime() + delayMs);
  }
}

function describeClaiming(db: TestDatabase, create: () => JobQueue): void {
  describe("claiming", () => {
    test("a job comes out as it went in, and is done once it is completed", async () => {
      const driver = new Driver(db, create());
      const jobId = await driver.add({ payload: { uploadId: "hello/1/t", tries: [1, null] }, attemptsMax: 7 });

      const job = await driver.claimOne();
      await driver.complete(job);

      expect(job).toEqual({
        id: jobId,
        kind: "test",
        payload: { uploadId: "hello/1/t", tries: [1, null] },
        attempt: 1,
        attemptsMax: 7,
        fence: 1,
      });
      expect(await driver.stateOf(jobId)).toBe("done");
      expect(await driver.claim()).toBeUndefined();
    });

    test("a job whose transaction is rolled back was never there", async () => {
      const driver = new Driver(db, create());

      const failed = db.database.transaction(async (tx) => {
        await driver.queue.enqueue(tx, { kind: "test", payload: null });
        throw new Error("state change refused");
      });

      await expect(failed).rejects.toThrow("state change refused");
      expect(await driver.claim()).toBeUndefined();
    });

    test("many claimers at once get each job once", async () => {
      const driver = new Driver(db, create());
      const added = new Set<number>();
      for (let count = 0; count < 10; count++) added.add(await driver.add());

      const claimed = await Promise.all(Array.from({ length: 25 }, () => driver.claim()));

      const ids = claimed.filter((job) => job !== undefined).map(({ id }) => id);
      expect(ids).toHaveLength(10);
      expect(new Set(ids)).toEqual(added);
    });

    test("higher priority comes first, then the one that is due longest, then the older one", async () => {
      const driver = new Driver(db, create());
      const late = await driver.add({ runAt: driver.inMs(-1_000) });
      const early = await driver.add({ runAt: driver.inMs(-2_000) });
      const earlyToo = await driver.add({ runAt: driver.inMs(-2_000) });
      const urgent = await driver.add({ priority: 10 });

      const order = [await driver.claimOne(), await driver.claimOne(), await driver.claimOne(), await driver.claimOne()];

      expect(order.map(({ id }) => id)).toEqual([urgent, early, earlyToo, late]);
    });

    test("a job is not claimed before its time", async () => {
      const driver = new Driver(db, create());
      const jobId = await driver.add({ runAt: driver.inMs(1) });

      const before = await driver.claim();
      db.clock.advance(1);

      expect(before).toBeUndefined();
      expect(await driver.claimOne()).toMatchObject({ id: jobId });
    });

    test("only jobs of the kinds asked for are claimed", async () => {
      const driver = new Driver(db, create());
      await driver.add({ kind: "mail" });

      expect(await driver.claim(["publish", "build"])).toBeUndefined();
      expect(await driver.claim([])).toBeUndefined();
      expect(await driver.claim(["publish", "mail"])).toMatchObject({ kind: "mail" });
    });

    test("jobs that ended long ago can be forgotten, others not", async () => {
      const driver = new Driver(db, create());
      await driver.add();
      await driver.complete(await driver.claimOne());
      db.clock.advance(60_000);
      const recent = await driver.add();
      await driver.complete(await driver.claimOne());
      const waiting = await driver.add({ runAt: driver.inMs(-3_600_000) });

      const purged = await db.database.transaction((tx) => driver.queue.purge(tx, driver.inMs(-30_000)));

      expect(purged).toBe(1);
      expect(await driver.stateOf(recent)).toBe("done");
      expect(await driver.stateOf(waiting)).toBe("waiting");
    });
  });
}

function describeLeases(db: TestDatabase, create: () => JobQueue): void {
  describe("leases", () => {
    test("a job whose worker has vanished is claimed again when the lease has expired, not before", async () => {
      const driver = new Driver(db, create());
      const jobId = await driver.add();
      await driver.claimOne();

      db.clock.advance(LEASE_MS - 1);
      const tooEarly = await driver.claim();
      db.clock.advance(1);
      const again = await driver.claimOne();

      expect(tooEarly).toBeUndefined();
      expect(again).toMatchObject({ id: jobId, attempt: 1, fence: 2 });
    });

    test("a heartbeat holds the lease", async () => {
      const driver = new Driver(db, create());
      await driver.add();
      const job = await driver.claimOne();

      db.clock.advance(LEASE_MS - 1);
      const isHeld = await driver.queue.heartbeat(job, { leaseMs: LEASE_MS });
      db.clock.advance(LEASE_MS - 1);

      expect(isHeld).toBe(true);
      expect(await driver.claim()).toBeUndefined();
      await driver.complete(job);
    });

    test("a worker that lost its lease cannot end the job, in no way, and undoes what it did with it", async () => {
      const driver = new Driver(db, create());
      const jobId = await driver.add();
      const lost = await driver.claimOne();
      db.clock.advance(LEASE_MS);
      const held = await driver.claimOne();

      const refused = { kind: "conflict", code: "JOB_LEASE_LOST" };
      await expect(driver.complete(lost)).rejects.toMatchObject(refused);
      await expect(driver.fail(lost)).rejects.toMatchObject(refused);
      await expect(driver.retry(lost, driver.inMs(0))).rejects.toMatchObject(refused);
      await expect(driver.release(lost)).rejects.toMatchObject(refused);
      expect(await driver.queue.heartbeat(lost, { leaseMs: LEASE_MS })).toBe(false);
      const late = db.database.transaction(async (tx) => {
        await driver.queue.enqueue(tx, { kind: "follow-up", payload: null });
        await driver.queue.complete(tx, lost);
      });
      await expect(late).rejects.toMatchObject(refused);

      expect(await driver.claim(["follow-up"])).toBeUndefined();
      expect(await driver.stateOf(jobId)).toBe("leased");
      await driver.complete(held);
      expect(await driver.stateOf(jobId)).toBe("done");
    });

    test("a job ends once", async () => {
      const driver = new Driver(db, create());
      await driver.add();
      const job = await driver.claimOne();
      await driver.complete(job);

      await expect(driver.complete(job)).rejects.toMatchObject({ code: "JOB_LEASE_LOST" });
      expect(await driver.queue.heartbeat(job, { leaseMs: LEASE_MS })).toBe(false);
    });

    test("a late worker may still end the job when nobody has claimed it since", async () => {
      const driver = new Driver(db, create());
      const jobId = await driver.add();
      const job = await driver.claimOne();

      db.clock.advance(LEASE_MS * 2);
      await driver.complete(job);

      expect(await driver.stateOf(jobId)).toBe("done");
    });

    test("a released job can be claimed at once, and the attempt does not count", async () => {
      const driver = new Driver(db, create());
      const jobId = await driver.add();
      await driver.release(await driver.claimOne());

      expect(await driver.claimOne()).toMatchObject({ id: jobId, attempt: 1, fence: 2 });
    });

    test("after a restart all leases are released at once", async () => {
      const driver = new Driver(db, create());
      await driver.add();
      await driver.add();
      const lost = await driver.claimOne();
      await driver.claimOne();

      const released = await db.database.transaction((tx) => driver.queue.releaseAllLeases(tx));

      expect(released).toBe(2);
      await expect(driver.complete(lost)).rejects.toMatchObject({ code: "JOB_LEASE_LOST" });
      expect(await driver.claimOne()).toMatchObject({ attempt: 1 });
      expect(await driver.claimOne()).toMatchObject({ attempt: 1 });
    });
  });
}

function describeFailures(db: TestDatabase, create: () => JobQueue): void {
  describe("failures", () => {
    test("a retried job comes back at its time, with the attempt counted and the error kept", async () => {
      const driver = new Driver(db, create());
      const jobId = await driver.add();

      await driver.retry(await driver.claimOne(), driver.inMs(5_000));
      const tooEarly = await driver.claim();
      db.clock.advance(5_000);
      const again = await driver.claimOne();

      expect(tooEarly).toBeUndefined();
      expect(again).toMatchObject({ id: jobId, attempt: 2 });
      expect(await driver.queue.find(jobId)).toMatchObject({ failures: 1, lastError: NO_ERROR.error });
    });

    test("a failed job is over", async () => {
      const driver = new Driver(db, create());
      const jobId = await driver.add();

      await driver.fail(await driver.claimOne());
      db.clock.advance(LEASE_MS * 2);

      expect(await driver.claim()).toBeUndefined();
      expect(await driver.queue.find(jobId)).toMatchObject({ state: "failed", failures: 1, lastError: NO_ERROR.error });
    });
  });
}

function describeDedupeKeys(db: TestDatabase, create: () => JobQueue): void {
  describe("dedupe keys", () => {
    const publish = { dedupeKey: "publish:bookworm-test-unstable" };

    test("a second job is not added while one waits, which becomes as urgent as the second", async () => {
      const driver = new Driver(db, create());
      const first = await driver.add({ ...publish, runAt: driver.inMs(10_000), payload: "first" });

      const second = await db.database.transaction((tx) =>
        driver.queue.enqueue(tx, { kind: "test", payload: "second", ...publish, priority: 5 }),
      );

      expect(second).toEqual({ jobId: first, isNew: false });
      expect(await driver.claimOne()).toMatchObject({ id: first, payload: "first" });
      expect(await driver.claim()).toBeUndefined();
    });

    test("what is asked for while one runs is done afterwards, not lost and not at the same time", async () => {
      const driver = new Driver(db, create());
      await driver.add(publish);
      const running = await driver.claimOne();

      const next = await driver.add(publish);
      const nextAgain = await driver.add(publish);
      const meanwhile = await driver.claim();
      await driver.complete(running);

      expect(nextAgain).toBe(next);
      expect(meanwhile).toBeUndefined();
      expect(await driver.claimOne()).toMatchObject({ id: next });
    });

    test("a job that should be retried gives way to the one that waits for it", async () => {
      const driver = new Driver(db, create());
      const first = await driver.add(publish);
      const running = await driver.claimOne();
      const next = await driver.add(publish);

      await driver.retry(running, driver.inMs(60_000));

      expect(await driver.stateOf(first)).toBe("cancelled");
      expect(await driver.claimOne()).toMatchObject({ id: next });
    });

    test("so does one that a restart would release", async () => {
      const driver = new Driver(db, create());
      await driver.add(publish);
      await driver.claimOne();
      const next = await driver.add(publish);

      await db.database.transaction((tx) => driver.queue.releaseAllLeases(tx));

      expect(await driver.claimOne()).toMatchObject({ id: next });
      expect(await driver.claim()).toBeUndefined();
    });

    test("jobs without a key or with another one do not wait for each other", async () => {
      const driver = new Driver(db, create());
      for (const job of [publish, { dedupeKey: "other" }, {}, {}]) await driver.add(job);

      const claimed = [await driver.claim(), await driver.claim(), await driver.claim(), await driver.claim()];

      expect(claimed.every((job) => job !== undefined)).toBe(true);
    });

    test("a key is free again when its job has ended", async () => {
      const driver = new Driver(db, create());
      const first = await driver.add(publish);
      await driver.complete(await driver.claimOne());

      expect(await driver.add(publish)).not.toBe(first);
    });
  });
}

function describeCancelling(db: TestDatabase, create: () => JobQueue): void {
  describe("cancelling", () => {
    test("a cancelled job that waited is never claimed", async () => {
      const driver = new Driver(db, create());
      const jobId = await driver.add();

      const isCancelled = await db.database.transaction((tx) => driver.queue.cancel(tx, { jobId }));

      expect(isCancelled).toBe(true);
      expect(await driver.claim()).toBeUndefined();
      expect(await driver.stateOf(jobId)).toBe("cancelled");
    });

    test("a cancelled job that runs cannot be ended any more, and stays cancelled", async () => {
      const driver = new Driver(db, create());
      const jobId = await driver.add({ dedupeKey: "key" });
      const job = await driver.claimOne();

      await db.database.transaction((tx) => driver.queue.cancel(tx, { dedupeKey: "key" }));

      expect(await driver.queue.heartbeat(job, { leaseMs: LEASE_MS })).toBe(false);
      await expect(driver.complete(job)).rejects.toMatchObject({ code: "JOB_LEASE_LOST" });
      db.clock.advance(LEASE_MS * 2);
      expect(await driver.claim()).toBeUndefined();
      expect(await driver.stateOf(jobId)).toBe("cancelled");
    });

    test("what does not exist or has ended cannot be cancelled", async () => {
      const driver = new Driver(db, create());
      const jobId = await driver.add();
      await driver.complete(await driver.claimOne());

      const cancelled = await db.database.transaction(async (tx) => [
        await driver.queue.cancel(tx, { jobId }),
        await driver.queue.cancel(tx, { jobId: 999 }),
        await driver.queue.cancel(tx, { dedupeKey: "nobody's" }),
      ]);

      expect(cancelled).toEqual([false, false, false]);
      expect(await driver.stateOf(jobId)).toBe("done");
    });
  });
}
