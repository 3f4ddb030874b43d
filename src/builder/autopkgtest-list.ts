import { z } from "zod";
import type { CheckTest } from "../buildorder/index.ts";
import { formatRelations, parseRelations } from "../formats/index.ts";
import { packageFailed } from "./ending.ts";

/**
 * Runs inside a session: unpacks the source package and prints, as JSON, what the release's own autopkgtest reads in
 * debian/tests/control (or autodep8 makes of the package), with @, @builddeps@ and @recommends@ resolved. Outside,
 * autopkgtest gets only what was printed here: it builds Perl programs from the text of control files.
 * Arguments: the .dsc, the architecture, the testbed's capabilities.
 */
export const LIST_TESTS_SCRIPT = `
import contextlib, io, json, subprocess, sys
sys.path.insert(0, '/usr/share/autopkgtest/lib')
dsc, architecture, capabilities = sys.argv[1:]
unpacked = subprocess.run(['dpkg-source', '--no-check', '-x', dsc, 'tree'], stdout=sys.stderr)
if unpacked.returncode != 0: sys.exit(3)
import adtlog, testdesc
said = io.StringIO()
adtlog.report = lambda name, result: said.write('%s\\t%s\\n' % (name, result))
try:
    with contextlib.redirect_stdout(sys.stderr):
        tests, skipped = testdesc.parse_debian_source('tree', capabilities.split(), architecture)
except testdesc.InvalidControl as invalid:
    print(json.dumps({'error': str(invalid)})); sys.exit(0)
print(json.dumps({
    'tests': [{'name': t.name, 'path': t.path, 'command': t.command, 'restrictions': sorted(t.restrictions),
               'features': sorted(t.features), 'depends': list(t.depends)} for t in tests],
    'skipped': [line.split('\\t', 1) for line in said.getvalue().splitlines()],
}))
`;

const TESTS_MAX = 500;
const word = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9+._-]{0,200}$/);

const listedTest = z.object({
  name: word,
  path: z
    .string()
    .regex(/^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9+._/-]{0,500}$/)
    .nullable(),
  command: z
    .string()
    .regex(/^[^\0\r\n]{1,20000}$/)
    .nullable(),
  restrictions: z.array(word).max(100),
  features: z.array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9+._=-]{0,200}$/)).max(100),
  depends: z.array(z.string().max(2_000)).max(5_000),
});
const listing = z.union([
  z.object({ error: z.string() }),
  z.object({ tests: z.array(listedTest).max(TESTS_MAX), skipped: z.array(z.tuple([z.string(), z.string()])).max(TESTS_MAX) }),
]);

export type ListedTest = z.output<typeof listedTest>;

export interface ListedTests {
  readonly tests: readonly ListedTest[];
  /** What cannot be run here, and why. */
  readonly skipped: readonly CheckTest[];
}

/** The output of LIST_TESTS_SCRIPT, which a package can have changed: throws the build's end when it is not as promised. */
export function parseListedTests(output: string): ListedTests {
  const [, json = ""] = /^(\{.*\})$/m.exec(output) ?? [];
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw packageFailed("the source's autopkgtests cannot be listed: see the log");
  }
  const parsed = listing.safeParse(value);
  if (!parsed.success) throw packageFailed(`debian/tests/control cannot be used: ${z.prettifyError(parsed.error).slice(0, 500)}`);
  if ("error" in parsed.data) throw packageFailed(`debian/tests/control is not valid: ${oneLine(parsed.data.error)}`);

  const { tests, skipped } = parsed.data;
  return {
    tests: tests.map((test) => ({ ...test, depends: test.depends.map(checkedRelation) })),
    skipped: skipped.map(([name, result]) => ({
      name: oneLine(name),
      outcome: "skip",
      details: oneLine(result).replace(/^SKIP /, ""),
    })),
  };
}

/** Tests that need the same packages share a layer and a run, as in their own order. */
export function groupByDepends(tests: readonly ListedTest[]): ListedTest[][] {
  return [...Map.groupBy(tests, ({ depends }) => [...depends].toSorted().join(", ")).values()];
}

/** debian/tests/control of these tests only, with nothing left to be resolved. */
export function formatTestsControl(tests: readonly ListedTest[]): string {
  return tests.map((test) => `${stanzaLines(test).join("\n")}\n`).join("\n");
}

function stanzaLines({ name, path, command, restrictions, features, depends }: ListedTest): string[] {
  const directory = path?.slice(0, -name.length - 1);
  const isNamed = features.some((feature) => feature.startsWith("test-name="));
  const allFeatures = command === null || isNamed ? features : [...features, `test-name=${name}`];
  return [
    ...(command === null ? [`Tests: ${name}`, `Tests-Directory: ${directory}`] : [`Test-Command: ${command}`]),
    `Depends: ${depends.join(", ")}`,
    ...(restrictions.length === 0 ? [] : [`Restrictions: ${restrictions.join(" ")}`]),
    ...(allFeatures.length === 0 ? [] : [`Features: ${allFeatures.join(" ")}`]),
  ];
}

function checkedRelation(text: string): string {
  return formatRelations(parseRelations(text));
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim().slice(0, 500);
}
