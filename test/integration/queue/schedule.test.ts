import { afterEach, describe, expect, test, vi } from "vitest";
import { JobWorker, type PeriodicJob, runScheduledNow, schedule, unschedule } from "../../../src/queue/index.ts";
import { silentLogger } from "../../../src/runtime/index.ts";
import { engines, useDatabase } from "../../support/database.ts";

const HOUR_MS = 3_600_000;
const hourly: PeriodicJob = { name: "expire-deliveries", kind: "expire", payload: { what: "deliveries" }, intervalMs: HOUR_MS };

describe.each(engines)("periodic jobs on %s", (engine) => {
  const db = useDatabase(engine);
  let worker: JobWorker | undefined;

  afterEach(async () => {
    await worker?.stop();
  });

  const declare = (periodic: PeriodicJob): Promise<void> => db.database.transaction((tx) => schedule(tx, periodic));

  /** Counts the runs of the worker it starts. */
  function startWorker(): { payloads: unknown[] } {
    const payloads: unknown[] = [];
    worker = new JobWorker({ database: db.database, clock: db.clock, logger: silentLogger, pollIntervalMs: 5 });
    worker.register("expire", async (payload) => void payloads.push(payload));
    worker.start();
    return { payloads };
  }

  async function nextRunAt(name: string): Promise<Date> {
    const row = await db.database.read.selectFrom("job_schedules").selectAll().where("name", "=", name).executeTakeFirstOrThrow();
    return new Date(row.next_run_at);
  }

  const inMs = (delayMs: number): Date => new Date(db.clock.now().getTime() + delayMs);

  test("run out of their turn when asked, which is kept", async () => {
    await declare(hourly);
    const { payloads } = startWorker();

    await db.database.transaction((tx) => runScheduledNow(tx, hourly.name));
    await vi.waitFor(() => expect(payloads).toEqual([{ what: "deliveries" }]));

    expect(await nextRunAt(hourly.name)).toEqual(inMs(HOUR_MS));
    await expect(db.database.transaction((tx) => runScheduledNow(tx, "nonsense"))).rejects.toMatchObject({
      code: "SCHEDULE_UNKNOWN",
      hint: "There is: expire-deliveries",
    });
  });

  test("run once per interval", async () => {
    await declare(hourly);
    const { payloads } = startWorker();

    for (const expected of [1, 2, 3]) {
      db.clock.advance(HOUR_MS);
      await vi.waitFor(() => expect(payloads).toHaveLength(expected));
    }

    expect(payloads[0]).toEqual({ what: "deliveries" });
    expect(await nextRunAt(hourly.name)).toEqual(inMs(HOUR_MS));
  });

  test("that were missed while nobody worked run once", async () => {
    await declare(hourly);
    await declare({ ...hourly, name: "marker", payload: "marker", intervalMs: 11 * HOUR_MS });
    db.clock.advance(10 * HOUR_MS);
    const { payloads } = startWorker();

    await vi.waitFor(() => expect(payloads).toHaveLength(1));
    db.clock.advance(HOUR_MS);
    await vi.waitFor(() => expect(payloads).toHaveLength(3));

    expect(payloads.filter((payload) => payload !== "marker")).toHaveLength(2);
  });

  test("keep their time when they are declared again, as every start does", async () => {
    await declare(hourly);
    const planned = await nextRunAt(hourly.name);
    db.clock.advance(HOUR_MS / 2);

    await declare(hourly);

    expect(await nextRunAt(hourly.name)).toEqual(planned);
  });

  test("come sooner when their interval becomes shorter", async () => {
    await declare({ ...hourly, intervalMs: 24 * HOUR_MS });

    await declare(hourly);

    expect(await nextRunAt(hourly.name)).toEqual(inMs(HOUR_MS));
  });

  test("may be told when to run first", async () => {
    await declare({ ...hourly, firstRunAt: inMs(5) });

    expect(await nextRunAt(hourly.name)).toEqual(inMs(5));
  });

  test("end when they are unscheduled", async () => {
    await declare(hourly);
    await declare({ ...hourly, name: "other", payload: "other" });
    await db.database.transaction((tx) => unschedule(tx, hourly.name));
    const { payloads } = startWorker();

    db.clock.advance(HOUR_MS);
    await vi.waitFor(() => expect(payloads).toEqual(["other"]));
  });
});
