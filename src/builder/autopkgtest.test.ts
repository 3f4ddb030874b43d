import { expect, test } from "vitest";
import { formatTestsControl, groupByDepends, parseListedTests } from "./autopkgtest-list.ts";
import { parseTestSummary, summariseTests } from "./autopkgtest-summary.ts";

const smoke = {
  name: "smoke",
  path: "debian/tests/smoke",
  command: null,
  restrictions: ["allow-stderr"],
  features: [],
  depends: ["hello", "python3 (>= 3)"],
};
const listed = (...tests: object[]): string => JSON.stringify({ tests, skipped: [["net", "SKIP no\tinternet"]] });

test("the listing of a source's tests becomes a control file with nothing left to resolve", () => {
  const command = { ...smoke, name: "command1", path: null, command: "hello --version" };

  const { tests, skipped } = parseListedTests(listed(smoke, command));

  expect(skipped).toEqual([{ name: "net", outcome: "skip", details: "no internet" }]);
  expect(formatTestsControl(tests)).toBe(
    [
      "Tests: smoke",
      "Tests-Directory: debian/tests",
      "Depends: hello, python3 (>= 3)",
      "Restrictions: allow-stderr",
      "",
      "Test-Command: hello --version",
      "Depends: hello, python3 (>= 3)",
      "Restrictions: allow-stderr",
      "Features: test-name=command1",
      "",
    ].join("\n"),
  );
});

test.each([
  ["Perl in a relation", { ...smoke, depends: ["x'); system('id'); ('"] }],
  ["a second field in a command", { ...smoke, path: null, command: "true\nRestrictions: breaks-testbed" }],
  ["a way out of the tree", { ...smoke, path: "debian/tests/../../../etc/passwd" }],
  ["a second word in a name", { ...smoke, name: "a b" }],
])("%s in the listing is refused", (_, entry) => {
  expect(() => parseListedTests(listed(entry))).toThrow(/cannot be used|not a package relation/);
});

test("what is no listing is the package's failure", () => {
  expect(() => parseListedTests("Traceback …")).toThrow("cannot be listed");
  expect(() => parseListedTests('{"error": "* unknown field"}')).toThrow("debian/tests/control is not valid: * unknown field");
});

test("tests that need the same packages are run together", () => {
  const other = { ...smoke, name: "other", depends: ["python3 (>= 3)", "hello"] };
  const third = { ...smoke, name: "third", depends: ["gcc"] };

  expect(groupByDepends([smoke, third, other]).map((group) => group.map(({ name }) => name))).toEqual([
    ["smoke", "other"],
    ["third"],
  ]);
});

test("the summary file is read as data, and one failure decides", () => {
  const tests = parseTestSummary(
    "smoke                PASS\nslow  FLAKY non-zero exit status 1\nbad FAIL stderr: x\nnet SKIP why\nblame: x\n",
  );

  expect(tests).toEqual([
    { name: "smoke", outcome: "pass", details: "" },
    { name: "slow", outcome: "flaky", details: "non-zero exit status 1" },
    { name: "bad", outcome: "fail", details: "stderr: x" },
    { name: "net", outcome: "skip", details: "why" },
  ]);
  expect(summariseTests(tests)).toMatchObject({ outcome: "fail", summary: "1 passed, 1 failed, 1 flaky, 1 skipped" });
  expect(summariseTests(tests.slice(0, 2))).toMatchObject({ outcome: "warn" });
  expect(summariseTests(tests.slice(3))).toMatchObject({ outcome: "skipped" });
});
