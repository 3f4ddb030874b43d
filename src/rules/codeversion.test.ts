import { expect, test } from "vitest";
import { codeversion } from "./codeversion.ts";

test("Debian 7 and newer give the major number", () => {
  check("12", "12");
  check("12.7", "12");
  check("12.10", "12");
  check("7.11", "7");
});

test("older Debian gives major and minor", () => {
  check("6.0.10", "60");
  check("3.1", "31");
});

test("Ubuntu gives both", () => {
  check("24.04", "2404");
  check("24.04 LTS", "2404");
  check("24.10", "2410");
  check("12.10", "1210", "Ubuntu");
  check("12.10", "12", "Debian");
});

test("without a version it is the codename, sorted below all numbers", () => {
  check(undefined, "~SID");
  check("", "~SID");
  check("n/a", "~SID");
});

test("the administrator has the last word", () => {
  expect(codeversion({ codename: "sid", releaseVersion: "12", override: "99" })).toBe("99");
});

function check(releaseVersion: string | undefined, expected: string, origin?: string): void {
  expect(codeversion({ codename: "sid", releaseVersion, origin })).toBe(expected);
}
