import { expect, test } from "vitest";
import { breaksByControl, findBrokenDependencies, findExactOnAll, type RelatedPackage } from "./binnmu-safety.ts";

function related(name: string, version: string, architecture: string, depends = ""): RelatedPackage {
  const stanza = `Package: ${name}\nVersion: ${version}\n${depends === "" ? "" : `Depends: ${depends}\n`}`;
  return { name, version, architecture, stanza };
}

test("an arch:all package that wants exactly the old version is broken by the new one", () => {
  const data = related("foo-data", "1.0-1", "all", "foo (= 1.0-1)");

  expect(findBrokenDependencies([data], [related("foo", "1.0-1+b1", "amd64")])).toEqual([
    { of: "foo-data", on: "foo", version: "1.0-1" },
  ]);
  expect(findBrokenDependencies([data], [related("foo", "1.0-1", "amd64")])).toEqual([]);
});

test("a new package that wants its sibling with the version of its own is broken; with that of the source it is not", () => {
  const data = related("foo-data", "1.0-1", "all");

  const broken = findBrokenDependencies([data], [related("foo", "1.0-1+b1", "amd64", "libc6, foo-data (= 1.0-1+b1)")]);
  expect(broken).toEqual([{ of: "foo", on: "foo-data", version: "1.0-1+b1" }]);
  expect(findBrokenDependencies([data], [related("foo", "1.0-1+b1", "amd64", "foo-data (= 1.0-1)")])).toEqual([]);
});

test("packages that are made together may want each other's new version; alternatives and others' packages break nothing", () => {
  const coming = [
    related("foo-dev", "1.0-1+b1", "amd64", "foo (= 1.0-1+b1), other (= 7), foo-data (= 9) | x, foo-data (>= 1)"),
    related("foo", "1.0-1+b1", "amd64", "this is (no relation"),
  ];

  expect(findBrokenDependencies([related("foo-data", "1.0-1", "all")], coming)).toEqual([]);
});

test("only exact dependencies on arch:all packages of the source are in question", () => {
  const packages = [
    related("foo", "1.0-1", "amd64", "foo-data (= 1.0-1), libfoo (= 1.0-1)"),
    related("libfoo", "1.0-1", "amd64", "foo-doc (>= 1.0-1)"),
    related("foo-data", "1.0-1", "all", "foo-doc (= 1.0-1)"),
    related("foo-doc", "1.0-1", "all"),
  ];

  expect(findExactOnAll(packages)).toEqual([{ of: "foo", on: "foo-data", version: "1.0-1" }]);
});

test.each([
  ["foo-data (= ${binary:Version})", true],
  ["a, foo-data(=${binary:Version}) [linux-any], b", true],
  ["foo-data (= ${Source-Version})", true],
  ["foo-data (= ${source:Version})", false],
  ["big-foo-data (= ${binary:Version})", false],
  ["foo-data (>= ${binary:Version})", false],
])("debian/control with Depends: %s breaks: %s", (depends, breaks) => {
  const control = `Source: foo\n\nPackage: foo\nArchitecture: any\nDepends: ${depends}\n\nPackage: bar\nDepends: foo-data (= \${binary:Version})\n`;

  expect(breaksByControl(control, { of: "foo", on: "foo-data", version: "1.0-1" })).toBe(breaks);
});
