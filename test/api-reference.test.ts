import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { findOperation, notYetOperations } from "../src/operations/index.ts";

const reference = readFileSync(resolve(import.meta.dirname, "../docs/reference/api.md"), "utf8");
const rows = [...reference.matchAll(/^\| ([a-z_, ]+) \| (same|extended|different|not yet) \|/gm)].flatMap(
  ([, names = "", how = ""]) => names.split(", ").map((name) => [name, how] as const),
);

test("the table of the original's calls names each call once, and only calls that there are", () => {
  const names = rows.map(([name]) => name);

  expect(names.length).toBe(new Set(names).size);
  // 30 of 2.2.8, and two of 2.4.10.
  expect(names).toHaveLength(32);
  expect(names.filter((name) => findOperation(name) === undefined)).toEqual([]);
});

test("what the table calls not yet is what is not available yet", () => {
  const notYet = rows.filter(([, how]) => how === "not yet").map(([name]) => name);

  expect(notYet.toSorted()).toEqual(notYetOperations.map(({ name }) => name).toSorted());
});
