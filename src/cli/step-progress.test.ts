import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { EventView } from "../operations/index.ts";
import { StepProgress, TELL_INTERVAL_MS } from "./step-progress.ts";

const BUILD = "hello/1.0/20261122:130513:909198/amd64";

let lines: string[];
let log: string[];
let readers: AbortSignal[];
let progress: StepProgress;

beforeEach(() => {
  vi.useFakeTimers();
  [lines, log, readers] = [[], [], []];
  progress = new StepProgress({ tell: (line) => lines.push(line), readLog });
});

afterEach(() => {
  progress.close();
  vi.useRealTimers();
});

test("a step that takes long is told with the newest line of its log", async () => {
  log.push("I: running apt-get\nI: installing essential pack", "ages\nI: not a whole li");
  progress.take(step("prepare", "started"));

  await vi.advanceTimersByTimeAsync(3 * TELL_INTERVAL_MS);

  expect(lines).toEqual([
    "          amd64: prepare, 10 s: I: installing essential packages\n",
    "          amd64: prepare, 20 s\n",
    "          amd64: prepare, 30 s\n",
  ]);
});

test("steps that end soon are not told, and their logs not read", async () => {
  progress.take(step("prepare", "started"));
  await vi.advanceTimersByTimeAsync(TELL_INTERVAL_MS / 2 - 1);
  progress.take(step("prepare", "ended"));
  await vi.advanceTimersByTimeAsync(TELL_INTERVAL_MS);

  expect([lines, readers]).toEqual([[], []]);
});

test("the log is left when its build ends", async () => {
  progress.take(step("build", "started"));
  await vi.advanceTimersByTimeAsync(TELL_INTERVAL_MS);
  progress.take({ ...step("build", "ended"), type: "build-state", data: { to: "done" } });

  expect(readers.map((signal) => signal.aborted)).toEqual([true]);
  expect(vi.getTimerCount()).toBe(0);
});

test("a long line is cut, and a log that cannot be read is no problem", async () => {
  log.push(`${"x".repeat(500)}\n`);
  progress.take(step("build", "started"));
  await vi.advanceTimersByTimeAsync(TELL_INTERVAL_MS);

  expect(lines[0]).toBe(`          amd64: build, 10 s: ${"x".repeat(99)}…\n`);
});

async function* readLog(_buildId: string, signal: AbortSignal): AsyncGenerator<string> {
  readers.push(signal);
  await Promise.resolve();
  yield* log;
  throw new Error("the server is away");
}

function step(name: string, type: string): EventView {
  return {
    id: 1,
    type: "build-step",
    timestamp: "2026-11-22T13:05:00.000Z",
    distribution: null,
    source: null,
    version: null,
    architecture: "amd64",
    upload: null,
    build: BUILD,
    data: { step: name, type },
  };
}
