import { beforeAll, describe, expect, test } from "vitest";
import { type FuzzReport, fuzz } from "../../support/fuzz/fuzz.ts";

/** Some of what bench/fuzz.ts does a hundred thousand times: damaged real files never break a reader. */

const COUNT = 1_000;
const TARGETS = [
  ".changes",
  ".dsc",
  ".buildinfo",
  "changelog",
  "relations",
  ".deb",
  "control in a .deb",
  "tar in a .deb",
  "tree out of a testbed",
];

let reports: FuzzReport[];

beforeAll(async () => {
  reports = await fuzz({ count: COUNT, firstSeed: 1 });
});

describe.each(TARGETS)("%s", (target) => {
  test("damaged ones are refused by name, or taken whole, each within a second", () => {
    const report = reports.find((candidate) => candidate.target === target);

    expect(report?.finds.map(({ seed, problem }) => `seed ${seed}: ${problem}`)).toEqual([]);
    // Else the damage would be too great, or too small, to find anything.
    expect(report?.accepted).toBeGreaterThan(COUNT / 100);
    expect([...(report?.refused.values() ?? [])].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(COUNT / 4);
  });
});
