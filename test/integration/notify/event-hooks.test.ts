import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { EventLog, recordEvent } from "../../../src/events/index.ts";
import { EventHooks } from "../../../src/notify/index.ts";
import { engines, useDatabase } from "../../support/database.ts";
import { createRecordingLogger, type LoggedLine } from "../../support/recording-logger.ts";

describe.each(engines)("event hooks on %s", (engine) => {
  const db = useDatabase(engine);
  let home: string;
  let logged: LoggedLine[];
  let hooks: EventHooks | undefined;

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "mbd-hooks-"));
    await mkdir(join(home, "event-hooks"));
  });

  afterEach(async () => {
    await hooks?.stop();
    await rm(home, { recursive: true, force: true });
  });

  /** A hook that writes its name and its event's type and path. */
  async function install(name: string, more = "", mode = 0o755): Promise<void> {
    const script = `#!/bin/sh\n${more}\nprintf '%s %s %s\\n' '${name}' "$(grep -o '"type": "[A-Z]*"' "$1" | cut -d'"' -f4)" "$1" >> '${home}/told'\n`;
    await writeFile(join(home, "event-hooks", name), script);
    await chmod(join(home, "event-hooks", name), mode);
  }

  async function start(eventHookTimeoutMs = 60_000): Promise<void> {
    const { logger, lines } = createRecordingLogger();
    logged = lines;
    hooks = new EventHooks({
      database: db.database,
      events: new EventLog(db.database, { pollIntervalMs: 50 }),
      views: { db: db.database.read },
      place: { url: "http://localhost:8066", incomingUrl: "ftp://localhost:8067" },
      hooksPath: join(home, "event-hooks"),
      scratchPath: join(home, "scratch"),
      limits: { eventHookTimeoutMs },
      logger,
      onFatal: (error) => {
        throw error;
      },
    });
    await hooks.start();
    // It stands in the table where it begins.
    await vi.waitFor(async () => {
      const rows = await db.database.read.selectFrom("event_readers").selectAll().execute();
      expect(rows).toHaveLength(1);
    });
  }

  async function record(
    type: "INSTALLED" | "BUILT" | "REJECTED" | "build-step",
    more: Record<string, string> = {},
  ): Promise<void> {
    const about = { source: "hello", version: "1:2.10-3", distribution: "bookworm-test-unstable", ...more };
    await db.database.transaction((tx) => recordEvent(tx, { type, ...about }));
  }

  async function told(): Promise<string[]> {
    const text = await readFile(join(home, "told"), "utf8").catch(() => "");
    return text.split("\n").filter((line) => line !== "");
  }

  async function untilTold(count: number): Promise<string[]> {
    await vi.waitFor(async () => expect((await told()).length).toBeGreaterThanOrEqual(count), { timeout: 30_000 });
    return told();
  }

  test("executables run in the order of their names, with the event as a file; others do not count", async () => {
    await install("20-second");
    await install("10-first");
    for (const name of ["_off", ".hidden", "30-copy~"]) await install(name);
    await install("40-not-executable", "", 0o644);
    await record("REJECTED");
    await start();

    await record("build-step");
    await record("BUILT", { architecture: "amd64" });

    const directory = `${home}/scratch/hello/1:2.10-3/3/amd64`;
    expect(await untilTold(2)).toEqual([
      `10-first BUILT ${directory}/hello_2.10-3_BUILT_amd64.json`,
      `20-second BUILT ${directory}/hello_2.10-3_BUILT_amd64.json`,
    ]);
  });

  test("a hook that fails, or hangs, is told in the log and hinders no other", async () => {
    await install("10-fails", "echo broken >&2; exit 3");
    await install("20-hangs", "sleep 1000");
    await install("30-good");
    await start(500);

    await record("INSTALLED");

    expect(await untilTold(1)).toEqual([expect.stringMatching(/^30-good INSTALLED .*\/source\/hello_2\.10-3_INSTALLED\.json$/)]);
    expect(logged.filter(({ level }) => level === "warn").map(({ fields }) => [fields["reason"], fields["exitCode"]])).toEqual([
      ["exited", 3],
      ["timed-out", undefined],
    ]);
  });

  test("what happens while nobody runs is told at the next start, once", async () => {
    await install("hook");
    await start();
    await record("INSTALLED");
    await untilTold(1);
    await hooks?.stop();

    await record("REJECTED");
    await start();
    await untilTold(2);
    await record("BUILT");

    expect((await untilTold(3)).map((line) => line.split(" ")[1])).toEqual(["INSTALLED", "REJECTED", "BUILT"]);
  });

  test("names from a stranger's .changes make no path", async () => {
    await install("hook");
    await start();

    await record("REJECTED", { source: "../../x", version: "1/../../y" });

    expect(await untilTold(1)).toEqual([`hook REJECTED ${home}/scratch/1.json`]);
  });
});
