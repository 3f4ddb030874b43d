import { expect, test } from "vitest";
import { evaluatePreconditions, rangeApplies, type Validators, validatorsOf } from "./validators.ts";

const MODIFIED = new Date("2026-11-22T12:00:00Z");
const SECONDS = MODIFIED.getTime() / 1000;
const DATE = "Sun, 22 Nov 2026 12:00:00 GMT";
const EARLIER = "Sun, 22 Nov 2026 11:59:59 GMT";
const LATER = "Sun, 22 Nov 2026 12:00:01 GMT";
const FILE = { ino: 7n, size: 100n, mtimeNs: BigInt(SECONDS) * 1_000_000_000n + 5n };

const old: Validators = validatorsOf(FILE, new Date("2026-11-23T00:00:00Z"));
const { etag } = old;

test("content, size, or time of change: each makes another ETag", () => {
  const others = [
    { ...FILE, ino: 8n },
    { ...FILE, size: 101n },
    { ...FILE, mtimeNs: FILE.mtimeNs + 1n },
  ];

  for (const file of others) expect(validatorsOf(file, MODIFIED).etag).not.toBe(etag);
  expect(etag).toMatch(/^"[a-z0-9-]+"$/);
});

test("a file that changed in this second is announced as older, so that its next content is not taken for it", () => {
  const fresh = validatorsOf(FILE, new Date(MODIFIED.getTime() + 900));
  expect(fresh).toMatchObject({ modifiedSeconds: SECONDS, announcedSeconds: SECONDS - 1 });

  const told = new Date(fresh.announcedSeconds * 1000).toUTCString();
  expect(evaluatePreconditions({ "if-modified-since": told }, old)).toBe("send");
  expect(rangeApplies(DATE, fresh)).toBe(false);
});

test("a date in the future is not announced", () => {
  expect(validatorsOf(FILE, new Date(MODIFIED.getTime() - 10_000)).announcedSeconds).toBe(SECONDS - 11);
});

test.each([
  [{}, "send"],
  [{ "if-none-match": etag }, "not-modified"],
  [{ "if-none-match": `"x", W/${etag}` }, "not-modified"],
  [{ "if-none-match": "*" }, "not-modified"],
  [{ "if-none-match": '"x"' }, "send"],
  [{ "if-none-match": '"x"', "if-modified-since": LATER }, "send"],
  [{ "if-modified-since": DATE }, "not-modified"],
  [{ "if-modified-since": LATER }, "not-modified"],
  [{ "if-modified-since": "Sunday, 22-Nov-26 12:00:00 GMT" }, "not-modified"],
  [{ "if-modified-since": "Sun Nov 22 12:00:00 2026" }, "not-modified"],
  [{ "if-modified-since": EARLIER }, "send"],
  [{ "if-modified-since": "12" }, "send"],
  [{ "if-modified-since": "yesterday" }, "send"],
  [{ "if-match": etag }, "send"],
  [{ "if-match": "*" }, "send"],
  [{ "if-match": `W/${etag}` }, "failed"],
  [{ "if-match": '"x"', "if-none-match": etag }, "failed"],
  [{ "if-unmodified-since": EARLIER }, "failed"],
  [{ "if-unmodified-since": DATE, "if-none-match": etag }, "not-modified"],
] as const)("RFC 9110: %j → %s", (headers, expected) => {
  expect(evaluatePreconditions(headers, old)).toBe(expected);
});

test("If-Range: only this very content", () => {
  expect(rangeApplies(undefined, old)).toBe(true);
  expect(rangeApplies(etag, old)).toBe(true);
  expect(rangeApplies(`W/${etag}`, old)).toBe(false);
  expect(rangeApplies(DATE, old)).toBe(true);
  expect(rangeApplies(LATER, old)).toBe(false);
  expect(rangeApplies("nonsense", old)).toBe(false);
});
