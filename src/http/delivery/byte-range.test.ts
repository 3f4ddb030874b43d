import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseByteRange } from "./byte-range.ts";

test.each([
  ["bytes=0-0", 10, { first: 0, last: 0 }],
  ["bytes=0-499", 10, { first: 0, last: 9 }],
  ["bytes=9-", 10, { first: 9, last: 9 }],
  ["bytes=-3", 10, { first: 7, last: 9 }],
  ["bytes=-30", 10, { first: 0, last: 9 }],
  ["Bytes= 2-3 ", 10, { first: 2, last: 3 }],
  ["bytes=10-", 10, "unsatisfiable"],
  ["bytes=10-20", 10, "unsatisfiable"],
  ["bytes=-0", 10, "unsatisfiable"],
  ["bytes=0-", 0, "unsatisfiable"],
  ["bytes=-5", 0, "unsatisfiable"],
] as const)("%s of %i bytes", (header, size, expected) => {
  expect(parseByteRange(header, size)).toEqual(expected);
});

test.each([
  "bytes=5-4",
  "bytes=",
  "bytes=-",
  "bytes=a-b",
  "lines=1-2",
  "bytes=0-1,3-4",
  "bytes 0-1",
  "0-1",
  "bytes=1-2-3",
  "bytes=+1-2",
])("%s is ignored", (header) => {
  expect(parseByteRange(header, 10)).toBeUndefined();
});

test("what is chosen is never outside of the file", () => {
  const number = fc.oneof(fc.constant(""), fc.nat(30).map(String), fc.constant("999999999999999"));
  fc.assert(
    fc.property(number, number, fc.nat(20), (from, to, size) => {
      const range = parseByteRange(`bytes=${from}-${to}`, size);

      if (range === undefined || range === "unsatisfiable") return;
      expect(range.first).toBeGreaterThanOrEqual(0);
      expect(range.last).toBeGreaterThanOrEqual(range.first);
      expect(range.last).toBeLessThan(size);
    }),
  );
});
