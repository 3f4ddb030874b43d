import { expect, test } from "vitest";
import { architectureListMatches, architectureMatches, isKnownArchitecture } from "./architecture.ts";

test("wildcards name kernel, CPU or both", () => {
  const fitting = ["amd64", "any", "linux-any", "any-amd64", "gnu-any-any", "any-linux-amd64", "linux-amd64"];
  const others = ["i386", "hurd-any", "any-i386", "musl-any-any", "any-any-any-any-any", "", "nonsense"];

  expect([...fitting, ...others].filter((wildcard) => architectureMatches("amd64", wildcard))).toEqual(fitting);
});

test("armhf is an arm, x32 an amd64 with another ABI", () => {
  expect(architectureMatches("armhf", "any-arm")).toBe(true);
  expect(architectureMatches("x32", "any-amd64")).toBe(true);
  expect(architectureMatches("x32", "amd64")).toBe(false);
});

test("all is matched by itself only", () => {
  expect(architectureMatches("all", "all")).toBe(true);
  expect(architectureMatches("all", "any")).toBe(false);
  expect(architectureMatches("amd64", "all")).toBe(false);
  expect(architectureMatches("source", "any")).toBe(false);
});

test("a negated list takes in all others", () => {
  expect(architectureListMatches("amd64", ["!i386", "!hurd-any"])).toBe(true);
  expect(architectureListMatches("i386", ["!i386"])).toBe(false);
  expect(architectureListMatches("amd64", ["i386", "linux-any"])).toBe(true);
});

test("only what dpkg knows is an architecture", () => {
  expect(["amd64", "riscv64", "hurd-i386", "uclibc-linux-armel"].every(isKnownArchitecture)).toBe(true);
  expect(["all", "any", "linux-any", "amd65", "", "constructor", "__proto__"].some(isKnownArchitecture)).toBe(false);
});
