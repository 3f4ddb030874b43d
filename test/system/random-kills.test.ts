import { afterAll, beforeAll, expect, test } from "vitest";
import { Daemon } from "../support/daemon.ts";
import { killStorm } from "../support/kill-storm.ts";

/** `bench/kills.ts` does the same a hundred times. */
const KILLS = 4;

let daemon: Daemon;

beforeAll(async () => {
  daemon = await Daemon.make({ configuration: "[limits]\nbuildLossesMax = 1000\n", sharesLayers: true });
  await daemon.start();
  await daemon.apply();
});

afterAll(async () => daemon.remove());

test("kills at random moments during a stream of uploads lose nothing, do nothing twice, and leave nothing behind", async () => {
  const report = await killStorm(daemon, { kills: KILLS, seed: Date.now() % 1_000_000 });

  expect(report.problems).toEqual([]);
  expect(report.storeBytesAfter).toBeLessThan(report.storeBytesBefore * 1.02);
});
