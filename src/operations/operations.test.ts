import { expect, test } from "vitest";
import { AppError } from "../runtime/index.ts";
import { ACCESS_LEVELS, isAllowed, ls, operations, parseArguments, restPath, sourcesList, status } from "./index.ts";

const ignoring = { unknown: "ignore" } as const;

test.each([...operations])("$name has a summary for each argument and an example with all required ones", (operation) => {
  const required = Object.keys(operation.parameters).filter((name) => operation.parameters[name]?.isRequired);

  expect(operation.summary).not.toBe("");
  expect(Object.values(operation.parameters).filter((parameter) => parameter.summary === "")).toEqual([]);
  expect(Object.keys(operation.example)).toEqual(expect.arrayContaining(required));
  expect(() => parseArguments(operation, operation.example, { unknown: "refuse" })).not.toThrow();
});

test("every operation is refused to each lower access level", () => {
  for (const operation of operations) {
    const lower = ACCESS_LEVELS.slice(0, ACCESS_LEVELS.indexOf(operation.access));
    expect(lower.filter((access) => isAllowed(operation, access))).toEqual([]);
    expect(isAllowed(operation, "admin")).toBe(true);
  }
});

test("what changes state is not open to everybody", () => {
  const open = operations.filter((operation) => operation.changesState && operation.access === "none");

  expect(open).toEqual([]);
});

test("names and routes are unique, and no argument has the name of a control argument", () => {
  expect(new Set(operations.map(restPath)).size).toBe(operations.length);
  for (const operation of operations) {
    expect(Object.keys(operation.parameters)).not.toContain("output");
    expect(Object.keys(operation.parameters)).not.toContain("confirm");
    const shorts = Object.values(operation.parameters).flatMap((parameter) => parameter.short ?? []);
    expect(new Set(shorts).size).toBe(shorts.length);
  }
});

test("lists are comma-joined, flags the text True, empty text is not given", () => {
  const given = parseArguments(
    sourcesList,
    { codenames: "bookworm,trixie", suites: "", with_extra: "True", rollbacks: "2" },
    ignoring,
  );

  expect(given).toMatchObject({
    codenames: ["bookworm", "trixie"],
    suites: undefined,
    with_extra: true,
    with_comment: false,
    rollbacks: 2,
  });
});

test("JSON values are taken as they are", () => {
  expect(parseArguments(sourcesList, { codenames: ["trixie"], with_extra: true, rollbacks: 3 }, ignoring)).toMatchObject({
    codenames: ["trixie"],
    with_extra: true,
    rollbacks: 3,
  });
});

test("a missing required argument is named", () => {
  expect(() => parseArguments(ls, { source: "" }, ignoring)).toThrow(/Missing required argument: source/);
});

test.each([
  ["rollbacks", "many"],
  ["rollbacks", "-1"],
  ["rollbacks", "1e3"],
  ["with_extra", "perhaps"],
  ["options", { a: 1 }],
])("argument %s = %j is refused", (name, value) => {
  expect(() => parseArguments(sourcesList, { [name]: value }, ignoring)).toThrow(AppError);
});

test("an unknown argument is ignored for the original's clients and refused for ours", () => {
  expect(parseArguments(status, { nonsense: "1" }, ignoring)).toEqual({ with_repositories: false });
  expect(() => parseArguments(status, { nonsense: "1" }, { unknown: "refuse" })).toThrow(/has no argument nonsense/);
});

test("an argument named like a property of every object is not taken from the prototype", () => {
  expect(() => parseArguments(ls, Object.create({ source: "x" }) as Record<string, unknown>, ignoring)).toThrow(/Missing/);
});
