import { expect, test } from "vitest";
import { parseLintianTags } from "./lintian-tags.ts";

test("tags of binary and source packages are read with their details", () => {
  const output =
    "E: hello: no-copyright-file\nW: hello source: syntax-error-in-debian-copyright line 3 [debian/copyright]\nN: 1 hint overridden\n";

  expect(parseLintianTags(output)).toEqual([
    { level: "E", package: "hello", tag: "no-copyright-file", details: "" },
    { level: "W", package: "hello", tag: "syntax-error-in-debian-copyright", details: "line 3 [debian/copyright]" },
  ]);
});

test.each(["", "E: apt is broken", "warning: E: hello: x", "E: HELLO: tag"])("%j is no tag", (line) => {
  expect(parseLintianTags(line)).toEqual([]);
});

test("the .changes of a binNMU is named with the version of its source", () => {
  const line = "E: hello (1.0~test12+1) changes: bogus-mail-host Changed-By mini-buildd@localhost";

  expect(parseLintianTags(line)).toEqual([
    { level: "E", package: "hello", tag: "bogus-mail-host", details: "Changed-By mini-buildd@localhost" },
  ]);
});

test("the number of tags kept is bounded", () => {
  expect(parseLintianTags("E: a: b\n".repeat(5_000))).toHaveLength(2_000);
});
