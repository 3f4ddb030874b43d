import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BuildWatch, formatLimit, type WatchLimits } from "./build-watch.ts";

const MIB = 1024 ** 2;
let watch: BuildWatch | undefined;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  watch?.stop();
  vi.useRealTimers();
});

function start(
  limits: Partial<WatchLimits>,
  options: { signal?: AbortSignal; freeSpaceBytes?: () => Promise<number> } = {},
): BuildWatch {
  watch = new BuildWatch({
    limits: { timeoutMs: 3_600_000, silenceTimeoutMs: 3_600_000, diskReserveBytes: 100 * MIB, ...limits },
    signal: options.signal ?? new AbortController().signal,
    freeSpaceBytes: options.freeSpaceBytes ?? (() => Promise.resolve(1_000 * MIB)),
  });
  return watch;
}

test("a build that takes too long is ended and the reason names the limit", () => {
  const watch = start({ timeoutMs: 120_000 });

  vi.advanceTimersByTime(120_000);

  expect(watch.signal.aborted).toBe(true);
  expect(watch.ending).toMatchObject({
    status: "package-failed",
    message: "the build took longer than 2 min (limit buildTimeoutMs)",
  });
});

test("output keeps a build alive; silence ends it", () => {
  const watch = start({ silenceTimeoutMs: 90_000 });

  vi.advanceTimersByTime(80_000);
  watch.sawOutput();
  vi.advanceTimersByTime(80_000);
  expect(watch.signal.aborted).toBe(false);
  vi.advanceTimersByTime(10_000);

  expect(watch.ending?.message).toBe("the build printed nothing for 90 s (limit buildSilenceTimeoutMs)");
});

test("a build is ended before the disk is full, and that is not the package's fault", async () => {
  let freeBytes = 90 * MIB;
  const watch = start({}, { freeSpaceBytes: () => Promise.resolve(freeBytes) });

  await vi.advanceTimersByTimeAsync(1_000);
  expect([watch.diskWasLow, watch.signal.aborted]).toEqual([true, false]);
  freeBytes = 20 * MIB;
  await vi.advanceTimersByTimeAsync(1_000);

  expect(watch.ending).toMatchObject({ status: "environment-failed" });
  expect(watch.ending?.message).toContain("20 MiB were left of a reserve of 100 MiB");
});

test("a cancelled build stays cancelled whatever limit comes after", () => {
  const controller = new AbortController();
  const watch = start({ timeoutMs: 1_000 }, { signal: controller.signal });

  controller.abort();
  vi.advanceTimersByTime(5_000);

  expect(watch.ending?.status).toBe("cancelled");
});

test("limits are shown in the largest whole unit", () => {
  expect([9_000_000, 90_000, 1_500].map(formatLimit)).toEqual(["150 min", "90 s", "1500 ms"]);
});
