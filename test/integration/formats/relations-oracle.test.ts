import * as fc from "fast-check";
import { expect, test } from "vitest";
import { formatRelations, parseRelations, reduceRelations } from "../../../src/formats/index.ts";
import { AppError } from "../../../src/runtime/index.ts";
import { runPerl } from "./perl.ts";

const REDUCE = `
  while (<>) {
    chomp;
    my ($arch, $profiles, $text) = split /;/, $_, 3;
    my $deps = eval { deps_parse($text, build_dep => 1, reduce_arch => 1, host_arch => $arch, build_arch => $arch,
                                 reduce_restrictions => 1, build_profiles => [split / /, $profiles]) };
    print defined $deps ? $deps->output() : "INVALID", "\\n";
  }`;

test("what applies to an architecture and to build profiles is what dpkg says", async () => {
  const cases = fc.sample(reduction(), 600);

  const answers = await runPerl(
    ["Dpkg::Deps"],
    REDUCE,
    cases.map(({ architecture, profiles, text }) => `${architecture};${profiles.join(" ")};${text}`),
  );

  expect(cases.map((given) => `${given.text} → ${formatRelations(reduceRelations(parseRelations(given.text), given))}`)).toEqual(
    cases.map(({ text }, index) => `${text} → ${answers[index]}`),
  );
  expect(answers.filter((answer) => answer === "").length).toBeLessThan(300);
});

test("what breaks the grammar for dpkg breaks it for us", async () => {
  const broken = fc.sample(fc.stringMatching(/^[ab1()[\]<>!:| =.]{1,12}$/), 1000);

  const answers = await runPerl(
    ["Dpkg::Deps"],
    `close STDERR; ${REDUCE}`,
    broken.map((text) => `amd64;;${text}`),
  );

  const onlyWe = broken.filter((text, index) => answers[index] === "INVALID" && isRelations(text));
  expect(onlyWe).toEqual([]);
});

function isRelations(text: string): boolean {
  try {
    parseRelations(text);
    return true;
  } catch (error) {
    if (error instanceof AppError && error.kind === "invalid") return false;
    throw error;
  }
}

function reduction(): fc.Arbitrary<{ architecture: string; profiles: string[]; text: string }> {
  return fc.record({
    architecture: fc.constantFrom("amd64", "i386", "armhf", "hurd-i386", "x32"),
    profiles: fc.subarray(["nocheck", "nodoc", "stage1"]),
    text: fc.array(fc.array(relation(), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }).map(joined),
  });
}

function joined(dependencies: string[][]): string {
  return dependencies.map((alternatives) => alternatives.join(" | ")).join(", ");
}

/** Names differ, so that dpkg has nothing to simplify. */
function relation(): fc.Arbitrary<string> {
  const name = fc.stringMatching(/^[a-z][a-z0-9+.-]{4,10}$/);
  const qualifier = fc.constantFrom("", "", ":any", ":native");
  const constraint = fc.constantFrom("", "", " (>= 1.0-1)", " (<< 2:1~)", "(=1)", " ( >> 3 )", " (< 1)");
  const architectures = fc.constantFrom(
    "",
    "",
    " [amd64]",
    " [!amd64 !i386]",
    "[linux-any]",
    " [any-i386 armhf]",
    " [ hurd-any ]",
  );
  const profiles = fc.constantFrom("", "", " <!nocheck>", " <nodoc> <stage1>", " <!nodoc !stage1>", "<!nocheck> <stage1>");
  return fc.tuple(name, qualifier, constraint, architectures, profiles).map((parts) => parts.join(""));
}
