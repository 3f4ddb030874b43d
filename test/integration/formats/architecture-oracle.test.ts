import { expect, test } from "vitest";
import { architectureMatches, isKnownArchitecture, knownArchitectures } from "../../../src/formats/index.ts";
import { runChecked, runCommand } from "../../../src/runtime/index.ts";
import { runPerl } from "./perl.ts";

const MATCH = 'while (<>) { chomp; my ($real, $alias) = split / /; print debarch_is($real, $alias) ? "yes" : "no", "\\n" }';
const WILDCARDS = [
  "any",
  "linux-any",
  "hurd-any",
  "any-amd64",
  "any-arm",
  "any-i386",
  "gnu-any-any",
  "musl-any-any",
  "eabihf-any-any-any",
];

test("every architecture that dpkg lists is known, and matches what dpkg says", async () => {
  const { stdout } = await runChecked({ argv: ["dpkg-architecture", "-L"] });
  const listed = stdout.toString().trim().split("\n");
  const pairs = listed.flatMap((real) => [...WILDCARDS, "amd64", "armhf"].map((wildcard) => [real, wildcard] as const));

  const answers = await runPerl(
    ["Dpkg::Arch=debarch_is"],
    MATCH,
    pairs.map((pair) => pair.join(" ")),
  );

  expect(listed.filter((name) => !isKnownArchitecture(name))).toEqual([]);
  expect(pairs.map(([real, wildcard]) => `${real} ${wildcard} ${architectureMatches(real, wildcard) ? "yes" : "no"}`)).toEqual(
    pairs.map((pair, index) => `${pair.join(" ")} ${answers[index]}`),
  );
  expect(knownArchitectures()).toEqual(expect.arrayContaining(listed));
});

test("dpkg-architecture itself agrees", async () => {
  for (const wildcard of ["linux-any", "any-amd64", "hurd-any", "amd64", "any-i386", "any"]) {
    const ended = await runCommand({ argv: ["dpkg-architecture", "-aamd64", `-i${wildcard}`] });
    expect(`${wildcard} ${architectureMatches("amd64", wildcard)}`).toBe(`${wildcard} ${ended.exitCode === 0}`);
  }
});
