import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compareVersions, isVersion, parseVersion, stripEpoch, upstreamVersion, versionParts } from "./version.ts";

test("a version is split at the first colon and the last hyphen", () => {
  expect(versionParts(parseVersion("12:1.0-rc1-0-1~x"))).toEqual({ epoch: 12, upstream: "1.0-rc1-0", revision: "1~x" });
  expect(versionParts(parseVersion("1.0"))).toEqual({ epoch: 0, upstream: "1.0", revision: undefined });
  expect(versionParts(parseVersion("1:1:2-3"))).toEqual({ epoch: 1, upstream: "1:2", revision: "3" });
});

test("file names have no epoch, orig tarballs no revision either", () => {
  expect(stripEpoch(parseVersion("2:1.0-1"))).toBe("1.0-1");
  expect(stripEpoch(parseVersion("1.0"))).toBe("1.0");
  expect(upstreamVersion(parseVersion("2:1.0-rc1-1"))).toBe("1.0-rc1");
});

test("what is no version is refused with the reason", () => {
  refused("", "it is empty");
  refused("a1", "does not begin with a digit");
  refused("1.0_1", '"_" is not allowed');
  refused("1.0-1/../x", '"/" is not allowed');
  refused("1 0", '" " is not allowed');
  refused("1.0\n", "is not allowed");
  refused("x:1.0", "the epoch before the colon is not a number");
  refused(":1.0", "the epoch before the colon is not a number");
  refused("99999999999:1", "the epoch is greater");
  refused("1:", "does not begin with a digit");
  refused("1.0-", "the revision after the last hyphen is empty");
  refused("-1", "does not begin with a digit");
  refused("1:1-1:1", "there is a colon in the revision");
  refused(`1${"0".repeat(300)}`, "longer than");
});

test("each comparison that others got wrong", () => {
  order("1.0~rc1", "<", "1.0");
  order("1.0~~", "<", "1.0~");
  order("1.05", "=", "1.5");
  order("1.0", "=", "1.0-0");
  order("1.0-1", "<", "1.0-0-1");
  order("0:1", "=", "1");
  order("2", "<", "1:0");
  order("1.0a", "<", "1.0+");
  order("9007199254740993", ">", "9007199254740992");
  order("1.0-1+b10", ">", "1.0-1+b9");
  order("1.0-1~test12+1", "<", "1.0-1");
  order("1.0-1~test~SID+1", "<", "1.0-1~test12+1");
});

const version = fc.stringMatching(/^([0-9]{1,2}:)?[0-9][0-9a-zA-Z.+~-]{0,8}$/).filter(isVersion);

test("the order is one: antisymmetric and transitive", () => {
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      expect(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a))).toBe(0);
      if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
    }),
    { numRuns: 500 },
  );
});

function order(a: string, sign: "<" | "=" | ">", b: string): void {
  const result = compareVersions(parseVersion(a), parseVersion(b));
  expect(`${a} ${result < 0 ? "<" : result > 0 ? ">" : "="} ${b}`).toBe(`${a} ${sign} ${b}`);
}

function refused(text: string, reason: string): void {
  expect(isVersion(text)).toBe(false);
  expect(() => parseVersion(text)).toThrow(expect.objectContaining({ kind: "invalid", code: "VERSION_INVALID" }));
  expect(() => parseVersion(text)).toThrow(reason);
}
