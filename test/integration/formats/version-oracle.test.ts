import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compareVersions, isVersion, parseVersion, type Version } from "../../../src/formats/index.ts";
import { runCommand } from "../../../src/runtime/index.ts";
import { runPerl } from "./perl.ts";

const COMPARE = 'while (<>) { chomp; my ($x, $y) = split / /; print version_compare($x, $y), "\\n" }';
const CHECK = 'while (<>) { chomp; my ($ok) = version_check($_); print $ok ? "yes" : "no", "\\n" }';

/** dpkg's perl module compares numbers as floating point; dpkg itself, as we do, digit by digit. */
const HUGE = "12345678901234567890";

test("the order is dpkg's, over a thousand generated pairs", async () => {
  const pairs = sample(versionPair(["123456789"]), 1000);

  const answers = await runPerl(
    ["Dpkg::Version"],
    COMPARE,
    pairs.map(([a, b]) => `${a} ${b}`),
  );

  expect(pairs.map(([a, b]) => `${a} ${b} ${compareVersions(a, b)}`)).toEqual(
    pairs.map(([a, b], index) => `${a} ${b} ${answers[index]}`),
  );
});

test("the order is that of dpkg --compare-versions itself", async () => {
  const tricky = [
    ["1.0-1", "1.0-0-1"],
    ["1.05", "1.5"],
    ["1.0~", "1.0"],
    ["9007199254740993", "9007199254740992"],
    ["1:0", "2"],
    ["1.0", "1.0-0"],
  ].map(([a = "", b = ""]) => [parseVersion(a), parseVersion(b)] as const);

  for (const [a, b] of [...tricky, ...sample(versionPair([HUGE, `${HUGE}0`]), 150)]) {
    const operator = compareVersions(a, b) < 0 ? "lt" : compareVersions(a, b) > 0 ? "gt" : "eq";
    const ended = await runCommand({ argv: ["dpkg", "--compare-versions", a, operator, b] });
    expect(`${a} ${operator} ${b}: ${ended.exitCode}`).toBe(`${a} ${operator} ${b}: 0`);
  }
});

test("what we take for a version, dpkg does too", async () => {
  const texts = sample(fc.stringMatching(/^[0-9a-zA-Z.+~:_-]{1,6}$/), 1000);

  const answers = await runPerl(["Dpkg::Version"], CHECK, texts);

  const ours = texts.filter((text) => isVersion(text));
  expect(ours.length).toBeGreaterThan(20);
  expect(ours.filter((text) => answers[texts.indexOf(text)] !== "yes")).toEqual([]);
  // We refuse more, as dpkg itself does (its perl module does not): a colon in the revision, nothing after the colon.
  const onlyDpkg = texts.filter((text, index) => answers[index] === "yes" && !isVersion(text));
  expect(onlyDpkg.filter((text) => !/-[^-]*:[^-]*$|:$/.test(text))).toEqual([]);
});

/** Near each other, or they would seldom agree in more than the first character. */
function versionPair(numbers: readonly string[]): fc.Arbitrary<[Version, Version]> {
  const part = fc.constantFrom("0", "1", "9", "10", "00", "a", "b", "Z", "+", "~", ".", "-", ...numbers);
  const tail = fc.array(part, { maxLength: 6 }).map((parts) => parts.join(""));
  const epoch = fc.constantFrom("", "", "", "0:", "1:");
  const version = (head: string): fc.Arbitrary<string> => fc.tuple(epoch, tail).map(([e, t]) => `${e}1${head}${t}`);
  const valid = (pair: [string, string]): pair is [Version, Version] => pair.every((text) => isVersion(text));
  return tail.chain((head) => fc.tuple(version(head), version(head))).filter(valid);
}

/** Another seed each run; a failure shows the values themselves. */
function sample<T>(values: fc.Arbitrary<T>, count: number): T[] {
  return fc.sample(values, count);
}
