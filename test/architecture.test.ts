import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { expect, test } from "vitest";
import { tableOwners } from "../src/database/schema.ts";

/** DESIGN: a module imports only from lower tiers; within a tier not from each other. */
const TIERS: readonly (readonly string[])[] = [
  ["runtime"],
  ["formats", "rules", "buildorder", "operations"],
  ["database", "keyring"],
  ["events", "queue"],
  ["archive", "testbed", "accounts", "catalog"],
  ["builder", "farm"],
  ["packager", "views"],
  ["incoming", "schedule", "notify", "federation", "handlers", "client"],
  ["http", "web", "cli"],
  ["daemon"],
];

/** Arrows inside a tier or narrower than the tiers allow; each has a reason. */
const ALLOWED_BESIDE_TIERS: readonly { from: string; to: string; because: string }[] = [
  { from: "rules", to: "formats", because: "rules speak of versions and distribution names" },
  { from: "operations", to: "formats", because: "arguments are checked with the grammar of names and versions" },
];

const FORBIDDEN: readonly { from: string; to: readonly string[]; because: string }[] = [
  {
    from: "builder",
    to: ["database", "archive", "catalog", "queue", "events"],
    because: "a builder runs on machines without our database",
  },
  { from: "farm", to: ["archive", "catalog"], because: "only packager knows archive and farm" },
  {
    from: "cli",
    to: TIERS.flat().filter((name) => !["runtime", "formats", "operations", "client"].includes(name)),
    because: "the command line is a client",
  },
  {
    from: "client",
    to: TIERS.flat().filter((name) => !["runtime", "operations"].includes(name)),
    because: "other people's programs import it",
  },
];

const LINES_MAX = 500;
/** Files over the limit; the list only shrinks. */
const LONG_FILES: readonly string[] = [];

const sourceRoot = resolve(import.meta.dirname, "../src");
const files = listFiles(sourceRoot).filter((path) => /\.tsx?$/.test(path));

test("every module imports only from lower tiers", () => {
  const offences = files.flatMap((path) => importsOf(path).flatMap((target) => offence(path, target)));

  expect(offences).toEqual([]);
});

test("a module is imported through its index.ts only", () => {
  const offences = files.flatMap((path) =>
    importsOf(path)
      .filter((target) => moduleOf(target) !== moduleOf(path) && !/^[a-z]+\/index\.tsx?$/.test(target))
      .map((target) => `${relative(sourceRoot, path)} imports ${target}`),
  );

  expect(offences).toEqual([]);
});

test("a table is written by its owner only", () => {
  const offences: string[] = [];
  for (const path of files.filter((path) => !/\.test\.tsx?$/.test(path))) {
    const module = moduleOf(path);
    for (const [, table] of readFileSync(path, "utf8").matchAll(
      /(?:insertInto|updateTable|deleteFrom|replaceInto|insertNewRows|insertNewRowsReturning)\((?:\s*tx,)?\s*"(\w+)/g,
    )) {
      const owner = (tableOwners as Record<string, string>)[table ?? ""];
      if (owner !== module && module !== "database")
        offences.push(`${relative(sourceRoot, path)} writes ${table}, owned by ${owner}`);
    }
  }

  expect(offences).toEqual([]);
});

test("no file grows past the limit", () => {
  const long = files
    .filter((path) => readFileSync(path, "utf8").split("\n").length > LINES_MAX)
    .map((path) => relative(sourceRoot, path))
    .filter((path) => !LONG_FILES.includes(path));

  expect(long).toEqual([]);
});

test("time, environment and processes are asked for in one place each", () => {
  const offences: string[] = [];
  for (const path of files.filter((path) => !/\.test\.tsx?$/.test(path))) {
    const name = relative(sourceRoot, path);
    const text = readFileSync(path, "utf8");
    if (/\bDate\.now\(|new Date\(\)/.test(text) && name !== "runtime/clock.ts") offences.push(`${name} asks for the time`);
    if (/\bprocess\.env\b/.test(text) && !/^(daemon|cli)\//.test(name) && name !== "main.ts")
      offences.push(`${name} reads process.env`);
    if (/\bexec\(|execSync|shell: true/.test(text.replaceAll(/\.exec\(/g, ""))) offences.push(`${name} starts a shell`);
  }

  expect(offences).toEqual([]);
});

function offence(path: string, target: string): string[] {
  const from = moduleOf(path);
  const to = moduleOf(target);
  if (from === to || from === "main.ts") return [];

  const name = relative(sourceRoot, path);
  const forbidden = FORBIDDEN.find((rule) => rule.from === from && rule.to.includes(to));
  if (forbidden !== undefined) return [`${name} imports ${to}: ${forbidden.because}`];
  if (ALLOWED_BESIDE_TIERS.some((arrow) => arrow.from === from && arrow.to === to)) return [];
  if (tierOf(to) < tierOf(from)) return [];
  return [`${name} (tier ${tierOf(from)}) imports ${to} (tier ${tierOf(to)})`];
}

function tierOf(module: string): number {
  const tier = TIERS.findIndex((names) => names.includes(module));
  if (tier < 0) throw new Error(`${module} has no tier: add it to DESIGN and to this test`);
  return tier;
}

/** "archive" of ".../src/archive/pool.ts" or of "archive/index.ts". */
function moduleOf(path: string): string {
  const name = path.startsWith(sourceRoot) ? relative(sourceRoot, path) : path;
  return name.split("/")[0] ?? name;
}

/** Relative imports of a file, as paths below src/. */
function importsOf(path: string): string[] {
  const text = readFileSync(path, "utf8");
  const specifiers = [...text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)].map(([, specifier]) => specifier ?? "");
  return specifiers
    .map((specifier) => relative(sourceRoot, resolve(path, "..", specifier)))
    .filter((target) => !target.startsWith(".."));
}

function listFiles(directory: string): string[] {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    return statSync(path).isDirectory() ? listFiles(path) : [path];
  });
}
