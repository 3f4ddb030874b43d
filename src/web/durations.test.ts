import { expect, test } from "vitest";
import { agoText, durationText, exactDurationText, sizeText, utcText } from "./durations.ts";

const now = new Date("2026-11-22T12:00:00Z");

test.each([
  [-500, "0 s"],
  [59_999, "59 s"],
  [185_000, "3 min 5 s"],
  [7_805_000, "2 h 10 min"],
])("%i ms last %s", (ms, expected) => expect(durationText(ms)).toBe(expected));

test.each([
  ["2026-11-22T11:59:58Z", "just now"],
  ["2026-11-22T12:00:05Z", "just now"],
  ["2026-11-22T11:59:20Z", "40 seconds ago"],
  ["2026-11-22T11:57:00Z", "3 minutes ago"],
  ["2026-11-22T09:00:00Z", "3 hours ago"],
  ["2026-11-21T12:00:00Z", "yesterday"],
  ["2026-11-19T12:00:00Z", "3 days ago"],
])("%s is %s", (at, expected) => expect(agoText(new Date(at), now)).toBe(expected));

test("short durations show tenths", () => expect(exactDurationText(4_120)).toBe("4.1 s"));
test("times are shown in UTC", () => expect(utcText("2026-11-22T13:05:14.295Z")).toBe("2026-11-22 13:05:14 UTC"));
test("sizes have a readable unit", () =>
  expect([sizeText(5), sizeText(2048), sizeText(3 * 1024 ** 3)]).toEqual(["5 bytes", "2.0 KiB", "3.0 GiB"]));
