import { expect, test } from "vitest";
import { compareVersions, parseVersion } from "../formats/index.ts";
import { debianDeveloperLayout, defaultLayout, findSuite, type Layout } from "./layout.ts";
import { portedVersion } from "./port-version.ts";
import { checkVersionPolicy, type VersionTarget } from "./version-policy.ts";

const at = new Date("2026-11-22T13:44:31Z");

test("the part that is ours gives way to that of the target", () => {
  check("1.5~test12+1", "1.5~test13+1", target("unstable"), target("unstable", { codeversion: "13" }));
  check("1.5-2~test12+3", "1.5-2~test13+3", target("unstable"), target("unstable", { codeversion: "13" }));
});

test("a port to snapshot gets the version that snapshot wants", () => {
  const [from, to] = [target("unstable"), target("snapshot")];

  check("1.5~test12+1", "1.5~test12+0", from, to);
  check("1.5~test12+2", "1.5~test12+0.2", from, to);
  check("1.5~test12+0", "1.5~test12+1", to, from);
  for (const version of ["1.5~test12+1", "1.5~test12+2"]) {
    const ported = portedVersion({ version: parseVersion(version), from, to, at });
    expect(checkVersionPolicy({ ...to, version: parseVersion(ported) })).toBeUndefined();
  }
});

test("a port in place is marked with the time, and is higher", () => {
  const ported = check("1.5~test12+1", "1.5~test12+1+rebuilt20261122134431", target("unstable"), target("unstable"));

  expect(compareVersions(parseVersion(ported), parseVersion("1.5~test12+1"))).toBe(1);
  expect(compareVersions(parseVersion(ported), parseVersion("1.5~test12+2"))).toBe(-1);
});

test("a suite with the same suffix gets a rebuild, too: a version stands for one content", () => {
  check("1.5~test12+1", "1.5~test12+1+rebuilt20261122134431", target("unstable"), target("hotfix"));
  check("1.5~test12+0", "1.5~test12+0+rebuilt20261122134431", target("snapshot"), target("experimental"));
});

test("a rebuild goes on as a rebuild", () => {
  const to = target("unstable", { codeversion: "13" });

  check("1.5~test12+1+rebuilt20261122134431", "1.5~test13+1+rebuilt20261122134431", target("unstable"), to);
});

test("what is from elsewhere gets the suffix of the target behind it", () => {
  check("2.10-3", "2.10-3~test12+1", undefined, target("unstable"));
  check("2.10-3~test12+1", "2.10-3~test12+1~test12+0", undefined, target("experimental"));
});

test("another repository, and versions without any part of ours", () => {
  const debdev = { layout: debianDeveloperLayout, repositoryId: "debdev", codeversion: "~SID" };

  check("1.5~test12+1", "1.5~debdev~SID+1", target("unstable"), target("unstable", debdev));
  check("1.5-1", "1.5-1~test12+1", target("unstable", debdev), target("unstable"));
  check("1.5~test12+x", "1.5~test12+x~other12+1", target("unstable"), target("unstable", { repositoryId: "other" }));
});

function check(version: string, expected: string, from: VersionTarget | undefined, to: VersionTarget): string {
  const ported = portedVersion({ version: parseVersion(version), from, to, at });
  expect(ported).toBe(expected);
  return ported;
}

function target(suiteName: string, given: { layout?: Layout; repositoryId?: string; codeversion?: string } = {}): VersionTarget {
  const { layout = defaultLayout, repositoryId = "test", codeversion = "12" } = given;
  const suite = findSuite(layout, suiteName);
  if (suite === undefined) throw new Error(`no suite ${suiteName}`);
  return { layout, suite, repositoryId, codeversion };
}
