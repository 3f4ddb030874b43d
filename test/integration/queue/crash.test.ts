import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, test } from "vitest";
import { EventLog } from "../../../src/events/index.ts";
import { enqueue, TableQueue } from "../../../src/queue/index.ts";
import { useDatabase } from "../../support/database.ts";

const PROGRAM = join(import.meta.dirname, "../../fixtures/programs/run-jobs.ts");
const JOBS = 60;

describe("jobs whose worker is killed again and again", () => {
  const db = useDatabase("sqlite");

  test("are all done once", async () => {
    const { path } = db.location as { path: string };
    await db.database.transaction(async (tx) => {
      for (let count = 0; count < JOBS; count++) await enqueue(tx, { kind: "step", payload: { source: `s${count}` } });
    });

    // Killed in the middle of a job (begun, not done), and right after one; then left to finish.
    for (const killAfter of ["begun", "done", "begun", "begun", "done"]) await runUntil(path, killAfter, 7);
    await runUntilAllEnded(path);

    const events = await new EventLog(db.database).list({ limit: 1_000 });
    expect(events).toHaveLength(JOBS);
    expect(new Set(events.map(({ source }) => source)).size).toBe(JOBS);
    const rows = await db.database.read.selectFrom("jobs").select(["state", "attempt"]).distinct().execute();
    expect(rows).toEqual([{ state: "done", attempt: 0 }]);
  });

  async function runUntilAllEnded(path: string): Promise<void> {
    const queue = new TableQueue(db.database, db.clock);
    const left = await db.database.read.selectFrom("jobs").select("id").where("state", "!=", "done").execute();
    expect(left.length).toBeGreaterThan(0);
    await runUntil(path, "done", left.length);
    for (const { id } of left) expect((await queue.find(id))?.state).toBe("done");
  }
});

/** Start a worker and SIGKILL it when it has printed a line with this word so many times. */
async function runUntil(path: string, word: string, times: number): Promise<void> {
  const child = spawn(process.execPath, [PROGRAM, path], { stdio: ["ignore", "pipe", "inherit"] });
  let seen = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith(word)) seen++;
    if (seen === times) child.kill("SIGKILL");
  }
}
