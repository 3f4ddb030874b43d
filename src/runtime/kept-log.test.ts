import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { KeptLog, type LogFilter } from "./kept-log.ts";
import { LogLevels } from "./log-levels.ts";
import { createLogger, type Logger } from "./logger.ts";

let directory: string;
let kept: KeptLog;
let levels: LogLevels;
let logger: Logger;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "mbd-kept-"));
  kept = new KeptLog({ path: join(directory, "daemon.log"), sizeBytesMax: 1024 ** 2, filesMax: 2, onLoss: () => {} });
  kept.start();
  levels = new LogLevels({ level: "warn", modules: { http: "debug" } });
  logger = createLogger(levels, { keep: (line) => kept.append(line) });
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function messages(filter: LogFilter = {}, countMax = 100): Promise<string[]> {
  return (await kept.newest(filter, countMax)).map(({ level, module, message }) => `${level} ${module} ${message}`);
}

test("a module's own level counts for its lines, also of loggers below it, and can be changed at any time", async () => {
  const http = logger.child({ module: "http" }).child({ peer: "::1" });
  logger.info("not shown");
  http.debug("shown");
  levels.set("error", "http");
  levels.set("info", undefined);
  http.warn("not shown");
  logger.info("shown now");
  levels.set(undefined, "http");
  levels.set(undefined, undefined);
  http.debug("again");
  logger.info("not shown");

  expect(await messages()).toEqual(["debug http shown", "info daemon shown now", "debug http again"]);
  expect(levels.list()).toEqual([
    { module: null, level: "warn", isConfigured: true },
    { module: "http", level: "debug", isConfigured: true },
  ]);
});

test("a module without a configured level of its own goes back to that of all", () => {
  levels.set("silent", "queue");
  expect(levels.allows("error", "queue")).toBe(false);
  expect(levels.list()).toContainEqual({ module: "queue", level: "silent", isConfigured: false });

  levels.set(undefined, "queue");

  expect(levels.list()).toHaveLength(2);
  expect([levels.allows("warn", "queue"), levels.allows("info", "queue")]).toEqual([true, false]);
});

test("lines are found by level, module and text, the newest of them, oldest first", async () => {
  const http = logger.child({ module: "http" });
  for (let number = 0; number < 50; number += 1) {
    http.debug("request", { number });
    logger.error("trouble", { number, error: new Error("outer", { cause: new Error("The Inner One") }) });
  }

  expect(await messages({}, 2)).toEqual(["debug http request", "error daemon trouble"]);
  expect(await messages({ level: "warn", module: "http" })).toEqual([]);
  const found = await kept.newest({ level: "warn", text: "inner one" }, 3);
  expect(found.map(({ fields }) => fields["number"])).toEqual([47, 48, 49]);
  expect(found[0]?.fields).toMatchObject({ error: ["outer", "The Inner One"], stack: expect.stringContaining("Inner") });
});

test("what others sent is one line with all of it, and a line that is none of ours is shown as it is", async () => {
  const hostile = 'a\nb\u001b[2J"}\u2028{"level":"silent","module":"x"}';
  logger.warn("seen", { name: hostile });
  kept.append("plain text");

  const lines = await kept.newest({}, 10);

  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatchObject({ message: "seen", level: "warn", module: "daemon", fields: { name: hostile } });
  expect(lines[1]).toMatchObject({ time: "", level: "error", module: "daemon", message: "plain text" });
});

test("followers see what comes, as far as they want it, until they stop", async () => {
  const stop = new AbortController();
  const seen: string[] = [];
  const following = (async () => {
    for await (const { message } of kept.follow({ module: "http" }, stop.signal)) {
      seen.push(message);
      if (seen.length === 2) stop.abort();
    }
  })();
  const http = logger.child({ module: "http" });

  // The subscription begins with the first read, which is under way by now.
  http.info("one");
  logger.error("other");
  http.info("two");
  await following;
  http.info("three");

  expect(seen).toEqual(["one", "two"]);
});

test("a reader that takes nothing costs a bounded number of lines", async () => {
  const stop = new AbortController();
  const lines = kept.follow({}, stop.signal);
  const first = lines.next();
  for (let number = 0; number < 5_000; number += 1) logger.warn("flood", { number });

  expect((await first).value?.fields).toEqual({ number: 0 });
  stop.abort();
  const rest = await gather(lines);
  expect(rest.length).toBeLessThanOrEqual(1_000);
});

async function gather<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
