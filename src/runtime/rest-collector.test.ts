import { expect, test } from "vitest";
import { RestWatch } from "./rest-collector.ts";

const MIB = 1024 ** 2;

/** Asks every ten seconds; each entry: the load meanwhile (from 0.4 on: busy), and MiB resident then. Collects down to `afterwards` MiB. */
function timesOf(history: readonly (readonly [load: number, mib: number])[], afterwards: number): number[] {
  const watch = new RestWatch({ atMs: 0, processorMs: 0, residentBytes: 100 * MIB, isBusy: false });
  let processorMs = 0;
  return history.flatMap(([load, mib], index) => {
    processorMs += load * 10_000;
    if (!watch.isTime({ atMs: (index + 1) * 10_000, processorMs, residentBytes: mib * MIB, isBusy: load >= 0.4 })) return [];
    watch.collected(afterwards * MIB);
    return [index];
  });
}

test("memory is collected when two intervals passed in rest, once", () => {
  expect(
    timesOf(
      [
        [0.9, 150],
        [0.01, 150],
        [0.01, 150],
        [0.01, 117],
        [0.01, 118],
      ],
      117,
    ),
  ).toEqual([2]);
});

test("work begins the wait anew", () => {
  expect(
    timesOf(
      [
        [0.01, 150],
        [0.5, 150],
        [0.01, 150],
        [0.5, 150],
      ],
      117,
    ),
  ).toEqual([]);
});

test("it is collected again when more has become resident since", () => {
  expect(
    timesOf(
      [
        [0, 150],
        [0, 150],
        [0, 119],
        [0.5, 140],
        [0, 140],
        [0, 140],
      ],
      117,
    ),
  ).toEqual([1, 5]);
});

test("what is busy does not rest, however little it takes", () => {
  const idle = { processorMs: 0, residentBytes: 150 * MIB, isBusy: true };
  const watch = new RestWatch({ ...idle, atMs: 0 });
  expect([10_000, 20_000, 30_000].map((atMs) => watch.isTime({ ...idle, atMs }))).toEqual([false, false, false]);
});
