import { expect, test } from "vitest";
import { formatInstant, parseInstant } from "./instant.ts";

test("an instant reads back as it was written", () => {
  const date = new Date("2026-11-22T13:05:13.000Z");

  expect(formatInstant(date)).toBe("20261122T130513Z");
  expect(parseInstant("20261122T130513Z")).toEqual(date);
});

test.each([
  "",
  "20261122",
  "20261122T130513",
  "20260230T000000Z",
  "20261122T256000Z",
  "20261122T130513Z/..",
  "2026-11-22T13:05:13Z",
])("%j is no instant", (text) => {
  expect(parseInstant(text)).toBeUndefined();
});
