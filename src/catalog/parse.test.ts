import { expect, test } from "vitest";
import { AppError } from "../runtime/index.ts";
import { parseCatalog } from "./parse.ts";
import type { CatalogProblem } from "./problems.ts";

const SMALL = `[archive-sources.debian]
from = "host"

[codenames.bookworm]
base = "debian"
architectures = ["amd64"]

[repositories.test]
codenames = ["bookworm"]
uploads = "unsigned"
`;

test("a small catalog gets the defaults", () => {
  const document = parseCatalog(SMALL);

  expect(document.codenames["bookworm"]).toMatchObject({ components: ["main"], lintian: "errfail", "internal-priority": 1 });
  expect(document.repositories["test"]).toMatchObject({ layout: "default", uploads: "unsigned" });
});

test("broken TOML is refused with its line", () => {
  expect(problemsOf(`${SMALL}\nuploads = `)).toEqual([expect.objectContaining({ line: 12 })]);
});

test.each([
  ["a mistyped key", 'uploads = "unsigned"', 'uplaods = "unsigned"', 10, /unknown key .*did you mean "uploads"/],
  ["a mistyped value", '"unsigned"', '"unsinged"', 10, /"unsinged" is not one of .*did you mean "unsigned"/],
  ["a codename that is not declared", 'codenames = ["bookworm"]', 'codenames = ["bokworm"]', 9, /did you mean "bookworm"/],
  ["a base that is not declared", 'base = "debian"', 'base = "debain"', 5, /no archive source "debain".*did you mean "debian"/],
  ["a missing key", 'architectures = ["amd64"]\n', "", 4, /architectures: is missing/],
  ["an empty list", 'architectures = ["amd64"]', "architectures = []", 6, /architectures/],
  ["all as an architecture", '["amd64"]', '["amd64", "all"]', 6, /name a real architecture/],
  ["an architecture twice", '["amd64"]', '["amd64", "amd64"]', 6, /"amd64" is listed twice/],
  ["an unknown layout", 'uploads = "unsigned"', 'uploads = "unsigned"\nlayout = "defualt"', 11, /did you mean "default"/],
  ["a bad repository id", "repositories.test", "repositories.te-st", 8, /repository id/],
  [
    "a builds-all that is not built",
    'base = "debian"',
    'base = "debian"\nbuilds-all = "i386"',
    6,
    /not a mandatory architecture/,
  ],
  ["a path as keyring", '"unsigned"', '"signed"\nuploader-keyrings = ["../x.asc"]', 11, /file name in etc\/keyrings/],
  ["host with a URI", 'from = "host"', 'from = "host"\nuris = ["http://a.example/debian"]', 3, /does not go with from/],
  ["a source of nothing", 'from = "host"', "pin = 5", 1, /uris is missing/],
  ["a URI with a second field in it", 'from = "host"', 'uris = ["http://a.example/ x"]', 2, /without spaces/],
])("%s is refused with its line and a way out", (_, from, to, line, expected) => {
  const problems = problemsOf(SMALL.replace(from, to));

  expect(problems[0]?.line).toBe(line);
  expect(messageOf(SMALL.replace(from, to))).toMatch(expected);
});

test("all problems are told at once, in the order of the file", () => {
  const text = SMALL.replace("unsigned", "unsinged").replace('base = "debian"', "base = 1").replace("from", "form");

  expect(problemsOf(text).map(({ line }) => line)).toEqual([2, 5, 10]);
});

test("a layout of one's own is checked as the built-in ones are", () => {
  const layout = `
[layouts.mine.suites.unstable]
uploadable = true
migrates-to = "stable"
[layouts.mine.suites.stable]
uploadable = true
`;

  expect(messageOf(SMALL + layout)).toMatch(/line 12, layouts.mine: .*which is uploadable/);
});

test("a suite's key is suggested from a suite's keys", () => {
  expect(messageOf(`${SMALL}[layouts.mine.suites.unstable]\nuploadabel = true\n`)).toMatch(/did you mean "uploadable"/);
});

test("a key inside a multi-line string is no key", () => {
  const text = `[archive-sources.other]
uris = ["http://a.example/debian"]
suites = ["bookworm"]
signed-by = """
nonsense = 1
"""
nonsense = 2
`;

  expect(problemsOf(text)).toEqual([expect.objectContaining({ line: 7, key: "archive-sources.other.nonsense" })]);
});

function problemsOf(text: string): readonly CatalogProblem[] {
  return errorOf(text).facts["problems"] as CatalogProblem[];
}

function messageOf(text: string): string {
  return errorOf(text).message;
}

function errorOf(text: string): AppError {
  try {
    parseCatalog(text);
  } catch (error) {
    if (error instanceof AppError && error.code === "CATALOG_INVALID") return error;
    throw error;
  }
  throw new Error("the catalog was taken");
}
