import { expect, test } from "vitest";
import { parseVersion } from "../formats/index.ts";
import { debianDeveloperLayout, defaultLayout, findSuite, type Layout } from "./layout.ts";
import type { Problem } from "./problem.ts";
import { checkVersionPolicy, portSuffix, rebuiltSuffix, type VersionTarget } from "./version-policy.ts";

test("versions with the suite's suffix are taken", () => {
  expect(check("1.0-1~test12+1")).toBeUndefined();
  expect(check("2:1.0~test12+10")).toBeUndefined();
  expect(check("1.0-1~test12+1+rebuilt20261122140645")).toBeUndefined();
  expect(check("1.0-1~test12+0", "experimental")).toBeUndefined();
  expect(check("1.0-1~test~SID+1", "unstable", { codeversion: "~SID" })).toBeUndefined();
});

test("others are refused, and the message shows what to use instead", () => {
  expect(check("1.0-1")).toEqual({
    code: "VERSION_NOT_FOR_SUITE",
    message:
      "version 1.0-1 is not one for suite unstable of repository test: a suffix like ~test12+1 is expected (rule: ~test12\\+[1-9])",
    hint: "Use for instance 1.0-1~test12+1: dch --newversion '1.0-1~test12+1' --force-bad-version",
  });
});

test("the suffix of another codename, suite or repository does not do", () => {
  expect(check("1.0-1~test11+1")?.hint).toContain("Use for instance 1.0-1~test12+1:");
  expect(check("1.0-1~test~SID+1")?.hint).toContain("Use for instance 1.0-1~test12+1:");
  expect(check("1.0-1~test12+0")?.hint).toContain("Use for instance 1.0-1~test12+1:");
  expect(check("1.0-1~test12+1", "snapshot")?.hint).toContain("Use for instance 1.0-1~test12+0:");
  expect(check("1.0-1~other12+1")?.hint).toContain("Use for instance 1.0-1~other12+1~test12+1:");
});

test("what stands for a placeholder is no regular expression", () => {
  expect(check("1.0~test1x+1", "unstable", { codeversion: "1." })).toBeDefined();
});

test("a rule without a fitting suffix is shown as it is", () => {
  const layout = { ...defaultLayout, versionRule: "-foo$" };

  expect(check("1.0-1", "unstable", { layout })).toMatchObject({ message: expect.stringContaining("it must match -foo$") });
});

test("a layout without a rule takes every version", () => {
  expect(check("1.0-1", "unstable", { layout: debianDeveloperLayout })).toBeUndefined();
});

test("a port's version is taken where it goes", () => {
  for (const suite of ["unstable", "hotfix", "snapshot", "experimental"]) {
    expect(check(`1.0-1${portSuffix(target(suite))}`, suite)).toBeUndefined();
  }
  expect(portSuffix(target("unstable", { codeversion: "~SID" }))).toBe("~test~SID+1");
});

test("a rebuild in place has the time in UTC", () => {
  expect(rebuiltSuffix(new Date("2026-11-22T14:06:45.999+02:00"))).toBe("+rebuilt20261122120645");
});

interface Given {
  readonly layout?: Layout;
  readonly codeversion?: string;
}

function target(suiteName: string, { layout = defaultLayout, codeversion = "12" }: Given = {}): VersionTarget {
  const suite = findSuite(layout, suiteName);
  if (suite === undefined) throw new Error(`no suite ${suiteName}`);
  return { layout, suite, repositoryId: "test", codeversion };
}

function check(version: string, suiteName = "unstable", given: Given = {}): Problem | undefined {
  return checkVersionPolicy({ ...target(suiteName, given), version: parseVersion(version) });
}
