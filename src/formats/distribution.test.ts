import * as fc from "fast-check";
import { expect, test } from "vitest";
import { formatDistributionName, parseDistributionName, tryParseDistributionName } from "./distribution.ts";

test("a distribution is codename, repository and suite", () => {
  expect(parseDistributionName("bookworm-test-unstable")).toEqual({
    codename: "bookworm",
    repositoryId: "test",
    suite: "unstable",
  });
});

test("a rollback has its number", () => {
  expect(parseDistributionName("sid-4you-stable-rollback0")).toEqual({
    codename: "sid",
    repositoryId: "4you",
    suite: "stable",
    rollback: 0,
  });
});

test("everything else is refused", () => {
  const names = [
    "unstable",
    "bookworm-backports",
    "bookworm-test-unstable-",
    "bookworm-test-unstable-x",
    "Bookworm-test-unstable",
  ];
  const hostile = ["../a-b-c", "a-b-c/..", "a-b-c\n", "a-b-c-rollback01", "a-b-c-rollback-1", "a-b-c-rollback100", "-a-b", ""];
  for (const name of [...names, ...hostile]) {
    expect(tryParseDistributionName(name)).toBeUndefined();
    expect(() => parseDistributionName(name)).toThrow(expect.objectContaining({ code: "DISTRIBUTION_NAME_INVALID" }));
  }
});

test("what is written is read as the same", () => {
  const name = fc.record({
    codename: fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/),
    repositoryId: fc.stringMatching(/^[a-z0-9]{1,8}$/),
    suite: fc.stringMatching(/^[a-z]{1,8}$/),
  });

  fc.assert(
    fc.property(name, (parts) => {
      expect(parseDistributionName(formatDistributionName(parts))).toEqual(parts);
    }),
  );
});
