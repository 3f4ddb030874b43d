import { expect, test } from "vitest";
import { formatRelations, parseRelations, reduceRelations, versionSatisfies } from "./relations.ts";
import { parseVersion } from "./version.ts";

test("a relation has a name, a qualifier, a constraint, architectures and profiles", () => {
  const [[relation] = []] = parseRelations("g++-12:any(>=1:12.2-3~)[linux-any !amd64]<!nocheck !stage1> <cross>");

  expect(relation).toEqual({
    name: "g++-12",
    qualifier: "any",
    constraint: { operator: ">=", version: "1:12.2-3~" },
    architectures: ["linux-any", "!amd64"],
    profiles: [["!nocheck", "!stage1"], ["cross"]],
  });
});

test("commas separate dependencies, bars alternatives; line ends and trailing commas mean nothing", () => {
  expect(shape("a,\n b | c ,\n ,\n d\n,")).toEqual([["a"], ["b", "c"], ["d"]]);
  expect(shape("")).toEqual([]);
});

test("the obsolete operators mean what dpkg reads in them", () => {
  expect(formatRelations(parseRelations("a (< 1), b (> 2)"))).toBe("a (<= 1), b (>= 2)");
});

test("what is written is read as the same", () => {
  const text = "a, b:native (<< 1.0-1) | c [i386 amd64] <!nocheck> <cross !stage1>, d (= 2)";

  expect(formatRelations(parseRelations(text))).toBe(text);
});

test("what breaks the grammar is refused and named", () => {
  for (const entry of [
    "a b",
    "a (1)",
    "a (>= )",
    "a (>= 1",
    "a [",
    "a [b;c]",
    "a []",
    "a <>",
    "a <x",
    "a <x><y>",
    "|",
    "a | ",
    "${misc:Depends}",
    "/x",
    "a:(>= 1)",
  ]) {
    expect(() => parseRelations(`ok, ${entry}`)).toThrow(expect.objectContaining({ kind: "invalid", code: "RELATION_INVALID" }));
  }
  expect(() => parseRelations("a (= x_1)")).toThrow(expect.objectContaining({ code: "VERSION_INVALID" }));
});

test("a long run of blanks takes no time", () => {
  const start = performance.now();

  expect(() => parseRelations(`a${" ".repeat(200_000)}!`)).toThrow(expect.objectContaining({ code: "RELATION_INVALID" }));

  expect(performance.now() - start).toBeLessThan(1000);
});

test("restrictions to other architectures and profiles take a relation out", () => {
  reduced("a [amd64], b [!amd64], c [linux-any], d [hurd-any]", [], "a, c");
  reduced("a <!nocheck>, b <nocheck>, c <cross> <nocheck>", ["nocheck"], "b, c");
  reduced("a <!nocheck !nodoc>, b <!nocheck> <!nodoc>", ["nodoc"], "b");
  reduced("a [i386] | b, c [i386] | d [i386]", [], "b");
});

test("a version satisfies a constraint by dpkg's order", () => {
  const satisfies = (version: string, text: string): boolean => {
    const [[relation] = []] = parseRelations(text);
    return relation !== undefined && versionSatisfies(parseVersion(version), relation);
  };

  expect(satisfies("1.0~rc1", "a (<< 1.0)")).toBe(true);
  expect(satisfies("1.00", "a (= 1.0)")).toBe(true);
  expect(satisfies("1.0", "a (>> 1.0)")).toBe(false);
  expect(satisfies("1:0", "a (>= 2)")).toBe(true);
  expect(satisfies("1", "a (<= 0.9)")).toBe(false);
  expect(satisfies("1", "a")).toBe(true);
});

function shape(text: string): string[][] {
  return parseRelations(text).map((alternatives) => alternatives.map((relation) => relation.name));
}

function reduced(text: string, profiles: string[], expected: string): void {
  expect(formatRelations(reduceRelations(parseRelations(text), { architecture: "amd64", profiles }))).toBe(expected);
}
