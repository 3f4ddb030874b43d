import { expect, test } from "vitest";
import { checkLayout } from "./check-layout.ts";
import {
  aptPriority,
  builtInLayouts,
  debianDeveloperLayout,
  defaultLayout,
  defaultNoRollbacksLayout,
  findSuite,
  type Layout,
  rollbackCount,
  type SuiteRules,
} from "./layout.ts";

test("the built-in layouts have nothing wrong", () => {
  expect(builtInLayouts.flatMap(checkLayout)).toEqual([]);
});

test("Default has the original's suites", () => {
  const table = defaultLayout.suites.map(({ name, uploadable, experimental, migratesTo, keep }) =>
    [name, uploadable ? "uploadable" : "", experimental ? "experimental" : "", migratesTo ?? "", keep].join(" "),
  );

  expect(table).toEqual([
    "stable    6",
    "hotfix uploadable  stable 4",
    "testing   stable 3",
    "unstable uploadable  testing 9",
    "snapshot uploadable experimental  12",
    "experimental uploadable experimental  6",
  ]);
  expect(defaultLayout.suites.every((suite) => suite.notAutomatic)).toBe(true);
  expect(defaultLayout.suites.filter((suite) => !suite.butAutomaticUpgrades).map((suite) => suite.name)).toEqual([
    "experimental",
  ]);
  expect(defaultLayout.suites.filter((suite) => suite.keyringPackages).map((suite) => suite.name)).toEqual(["unstable"]);
});

test("without rollbacks nothing older is kept, and all else is as in Default", () => {
  expect(defaultNoRollbacksLayout.suites.map((suite) => suite.keep)).toEqual([0, 0, 0, 0, 0, 0]);
  const kept = defaultNoRollbacksLayout.suites.map((suite, index) => ({ ...suite, keep: defaultLayout.suites[index]?.keep }));
  expect({ ...defaultNoRollbacksLayout, suites: kept }).toEqual({ ...defaultLayout, name: "default-no-rollbacks" });
});

test("rollback distributions show what is kept, or fewer", () => {
  expect(defaultLayout.suites.map(rollbackCount)).toEqual([6, 4, 3, 9, 12, 6]);
  expect(defaultNoRollbacksLayout.suites.map(rollbackCount)).toEqual([0, 0, 0, 0, 0, 0]);
  expect(
    [{ keep: 5, rollbacks: 2 }, { keep: 5, rollbacks: 0 }, { keep: 500 }].map((given) => rollbackCount(suite(given))),
  ).toEqual([2, 0, 100]);
});

test("more rollbacks than kept versions and priorities that apt does not know are refused", () => {
  const up = suite({ name: "up", uploadable: true });
  const refused = [
    { keep: 1, rollbacks: 2 },
    { aptPriority: 0 },
    { aptPriority: -2 },
    { aptPriority: 1.5 },
    { aptPriority: 40_000 },
  ];

  for (const given of refused) expect(messages(changed({ suites: [up, suite({ name: "a", ...given })] }))).toHaveLength(1);
  for (const aptPriority of [-1, 1, 250, 1001])
    expect(messages(changed({ suites: [up, suite({ name: "a", aptPriority })] }))).toEqual([]);
});

test("Debian Developer takes uploads to plain unstable", () => {
  expect(debianDeveloperLayout.suites.map((suite) => suite.name)).toEqual(["stable", "testing", "unstable", "experimental"]);
  expect(debianDeveloperLayout.versionRule).toBeUndefined();
  expect(debianDeveloperLayout.metaDistributions).toEqual({ unstable: "sid-unstable", experimental: "sid-experimental" });
  expect(findSuite(debianDeveloperLayout, "hotfix")).toBeUndefined();
});

test("the flags of a Release file give apt's priority", () => {
  expect([aptPriority(false, false), aptPriority(true, false), aptPriority(true, true)]).toEqual([500, 1, 100]);
});

test("everything wrong with a layout is said at once", () => {
  const layout = changed({
    suites: [
      suite({ name: "Bad", uploadable: true, migratesTo: "gone" }),
      suite({ name: "x", experimental: true, migratesTo: "y", keep: -1 }),
    ],
    versionRule: "~%REPO%\\+(",
  });

  expect(messages(layout)).toEqual([
    'layout default: "Bad" is no name of a suite: lower-case letters only',
    "layout default: suite Bad migrates to gone, which is not in the layout",
    "layout default: suite x keeps -1 older versions, which is no number from 0 to 1000",
    "layout default: experimental suite x must be uploadable",
    "layout default: experimental suite x must not migrate, but does to y",
    "layout default: the version rule has the unknown placeholder %REPO%; there are %IDENTITY% and %CODEVERSION%",
    "layout default: the version rule is no regular expression: ~%REPO%\\+(",
  ]);
});

test("nothing migrates to an uploadable suite, nor in a circle", () => {
  const up = suite({ name: "up", uploadable: true });

  expect(messages(changed({ suites: [up, suite({ name: "a", migratesTo: "up" })] }))[0]).toContain("which is uploadable");
  expect(
    messages(changed({ suites: [up, suite({ name: "a", migratesTo: "b" }), suite({ name: "b", migratesTo: "a" })] })),
  ).toHaveLength(2);
  expect(messages(changed({ suites: [up, suite({ name: "a", migratesTo: "a" })] }))[0]).toContain("back to itself");
});

test("a layout that takes nothing, or a suite twice, is refused", () => {
  expect(messages(changed({ suites: [suite({ name: "a" }), suite({ name: "a" })] }))).toEqual([
    "layout default: suite a occurs twice",
    "layout default: no suite is uploadable, so nothing could come in",
  ]);
});

test("automatic upgrades need not-automatic to mean anything", () => {
  const flags = { uploadable: true, notAutomatic: false, butAutomaticUpgrades: true };

  expect(messages(changed({ suites: [suite({ name: "a", ...flags })] }))).toHaveLength(1);
});

test("a meta-distribution stands for an uploadable suite of a codename", () => {
  const metaDistributions = { a: "sid-unstable", b: "sid-stable", c: "sid-gone", d: "unstable", e: "sid-test-unstable" };

  expect(messages(changed({ metaDistributions }))).toEqual([
    "layout default: meta-distribution b=sid-stable: suite stable is not uploadable",
    "layout default: meta-distribution c=sid-gone: suite gone is not in the layout",
    "layout default: meta-distribution d=unstable is not of the form META=CODENAME-SUITE",
    "layout default: meta-distribution e=sid-test-unstable is not of the form META=CODENAME-SUITE",
  ]);
});

function suite(given: Partial<SuiteRules>): SuiteRules {
  return { name: "x", uploadable: false, experimental: false, keep: 0, notAutomatic: true, butAutomaticUpgrades: true, ...given };
}

function changed(given: Partial<Layout>): Layout {
  return { ...defaultLayout, ...given };
}

function messages(layout: Layout): string[] {
  return checkLayout(layout).map((problem) => problem.message);
}
