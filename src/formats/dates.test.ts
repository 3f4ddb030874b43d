import * as fc from "fast-check";
import { expect, test } from "vitest";
import { formatReleaseDate, parseDate, tryParseDate } from "./dates.ts";

test("a Release file's date is in UTC with two digits", () => {
  expect(formatReleaseDate(new Date("2026-01-02T03:04:05.999Z"))).toBe("Fri, 02 Jan 2026 03:04:05 UTC");
});

test("zones are honoured", () => {
  expect(parseDate("Sun, 22 Nov 2026 14:06:45 +0530").toISOString()).toBe("2026-11-22T08:36:45.000Z");
  expect(parseDate("Sun,  1 Nov 2026 00:00:00 -0130 (X)").toISOString()).toBe("2026-11-01T01:30:00.000Z");
  expect(parseDate("1 January 2026 0:00:00 GMT").toISOString()).toBe("2026-01-01T00:00:00.000Z");
});

test("what is no date is refused", () => {
  for (const text of [
    "",
    "yesterday",
    "31 Feb 2026 00:00:00 UTC",
    "1 Foo 2026 00:00:00 UTC",
    "1 Jan 2026 24:00:00 UTC",
    "2026-01-01",
  ]) {
    expect(tryParseDate(text)).toBeUndefined();
    expect(() => parseDate(text)).toThrow(expect.objectContaining({ code: "DATE_INVALID" }));
  }
});

test("what is written is read as the same second", () => {
  const second = fc.date({ min: new Date("1970-01-01"), max: new Date("2100-01-01"), noInvalidDate: true });

  fc.assert(
    fc.property(second, (date) => {
      expect(parseDate(formatReleaseDate(date)).getTime()).toBe(Math.floor(date.getTime() / 1000) * 1000);
    }),
  );
});
