import { expect, test } from "vitest";
import { optionsForArchitecture, parseUploadOptions } from "./upload-options.ts";

test("each option has its kind of value", () => {
  check("lintian-mode=IGNORE", { lintianMode: "ignore" });
  check("piuparts-mode=WarnFail", { piupartsMode: "warnfail" });
  check("autopkgtest-mode=errfail", { autopkgtestMode: "errfail" });
  check("internal-apt-priority=500", { internalAptPriority: 500 });
  check("auto-ports=bookworm-test-unstable,trixie-test-unstable", {
    autoPorts: ["bookworm-test-unstable", "trixie-test-unstable"],
  });
  check("deb-build-options=nocheck,parallel=2", { debBuildOptions: ["nocheck", "parallel=2"] });
  check("deb-build-profiles=nodoc,pkg.hello.x", { debBuildProfiles: ["nodoc", "pkg.hello.x"] });
  check("add-depends=foo (>= 1.0), bar|baz", { addDepends: ["foo (>= 1.0)", "bar | baz"] });
});

test("an architecture's own value goes before the common one", () => {
  const { options } = parse("lintian-mode=ignore", "lintian-mode[amd64]=disabled", "piuparts-mode[i386]=ignore");

  expect(optionsForArchitecture(options, "amd64")).toEqual({ lintianMode: "disabled" });
  expect(optionsForArchitecture(options, "i386")).toEqual({ lintianMode: "ignore", piupartsMode: "ignore" });
  expect(optionsForArchitecture(options, "arm64")).toEqual({ lintianMode: "ignore" });
});

test("white space in values is dropped, and they may go on over lines", () => {
  const text = "  * MINI_BUILDD_OPTION: auto-ports = bookworm-test-unstable,\n      trixie-test-unstable\n  * Other.\n\n    text";

  expect(parseUploadOptions(text)).toMatchObject({
    options: { common: { autoPorts: ["bookworm-test-unstable", "trixie-test-unstable"] } },
    problems: [],
  });
});

test("old spellings still work", () => {
  check("ignore-lintian=true", { lintianMode: "ignore" });
  check("ignore-lintian=false", {});
  check("run-lintian=false", { lintianMode: "disabled" });
  check("run-lintian=true", {});
  expect(parseUploadOptions("  * MINI_BUILDD: BACKPORT_MODE\n").options.common).toEqual({ lintianMode: "ignore" });
  expect(parseUploadOptions("  * MINI_BUILDD: AUTO_BACKPORTS: sid-test-unstable, trixie-test-unstable\n").options.common).toEqual(
    {
      autoPorts: ["sid-test-unstable", "trixie-test-unstable"],
    },
  );
});

test("all wrong options are reported at once, and have no effect", () => {
  const { options, problems } = parse(
    "lintian-mode=ignore",
    "lintian-mode=disabled",
    "ignore-lintian=true",
    "lintian-mode[amd64]=no",
    "lint=ignore",
    "nonsense",
    "__proto__=x",
    "internal-apt-priority=much",
    "auto-ports=unstable",
    "auto-ports[amd64]=sid-test-unstable",
    "deb-build-options=a b;c",
    "deb-build-profiles=",
    "add-depends=foo (>= )",
  );

  expect(options.common).toEqual({ lintianMode: "ignore" });
  expect(options.perArchitecture.size).toBe(0);
  expect(problems.map((problem) => `${problem.code.replace("UPLOAD_OPTION_", "")} ${problem.message}`)).toEqual([
    "DUPLICATE upload option lintian-mode is given twice",
    "DUPLICATE upload option lintian-mode is given twice",
    'INVALID upload option "lintian-mode[amd64]=no": the value must be one of disabled, ignore, errfail, warnfail',
    'UNKNOWN "lint=ignore" is no upload option',
    'UNKNOWN "nonsense" is no upload option',
    'UNKNOWN "__proto__=x" is no upload option',
    'INVALID upload option "internal-apt-priority=much": the value must be a whole number',
    'INVALID upload option "auto-ports=unstable": the value must be distributions, separated by commas',
    'INVALID upload option "auto-ports[amd64]=sid-test-unstable": ports are made for all architectures',
    'INVALID upload option "deb-build-options=a b;c": the value must be words like nocheck or parallel=2, separated by commas',
    'INVALID upload option "deb-build-profiles=": the value must be words like nodoc, separated by commas',
    'INVALID upload option "add-depends=foo (>= )": the value must be package relations, separated by commas',
  ]);
});

test("an architecture that is not built is a problem where the architectures are known", () => {
  const text = "* MINI_BUILDD_OPTION: lintian-mode[amd65]=ignore";

  expect(parseUploadOptions(text).problems).toEqual([]);
  expect(parseUploadOptions(text, ["amd64", "i386"]).problems).toEqual([
    {
      code: "UPLOAD_OPTION_INVALID",
      message: 'upload option "lintian-mode[amd65]=ignore": architecture amd65 is not built',
      hint: "There are: amd64, i386",
    },
  ]);
});

test("only the top entry of a .changes with several counts", () => {
  const entry = (version: string, option: string): string =>
    `hello (${version}) unstable; urgency=low\n\n  * MINI_BUILDD_OPTION: ${option}\n`;

  const parsed = parseUploadOptions(`${entry("1.1", "piuparts-mode=ignore")}\n${entry("1.0", "lintian-mode=ignore")}`);

  expect(parsed).toMatchObject({ options: { common: { piupartsMode: "ignore" } }, problems: [] });
});

test("text that only speaks of options sets none", () => {
  expect(parseUploadOptions("  * Explain MINI_BUILDD_OPTION: lintian-mode=ignore.\n  MINI_BUILDD_OPTION: x=y\n")).toMatchObject({
    options: { common: {} },
    problems: [],
  });
});

function parse(...options: string[]): ReturnType<typeof parseUploadOptions> {
  const lines = options.map((option) => `  * MINI_BUILDD_OPTION: ${option}\n`);
  return parseUploadOptions(`hello (1.0) unstable; urgency=low\n\n  * First.\n${lines.join("")}`);
}

function check(option: string, expected: object): void {
  expect(parse(option)).toEqual({ options: { common: expected, perArchitecture: new Map() }, problems: [] });
}
