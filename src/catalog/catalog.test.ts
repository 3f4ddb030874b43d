import { expect, test } from "vitest";
import { AppError } from "../runtime/index.ts";
import { Catalog, type DistributionTarget } from "./catalog.ts";
import { parseCatalog } from "./parse.ts";

const TEXT = `[archive-sources.debian]
from = "host"
[codenames.sid]
base = "debian"
architectures = ["arm64", "amd64"]
optional-architectures = ["i386"]
builds-all = "amd64"
[repositories.debdev]
layout = "debian-developer"
codenames = ["sid"]
uploads = "unsigned"
[repositories.test]
codenames = ["sid"]
uploader-keyrings = ["team.asc"]
`;

const sources = { base: [{ name: "debian-sid", deb822: "Types: deb\n" }], extra: [] };
const catalog = new Catalog(parseCatalog(TEXT), new Map([["sid", { codeversion: "~SID", sources }]]), "/home/etc/keyrings");

test("a distribution knows its rules, architectures and uploaders", () => {
  const target = catalog.findDistribution("sid-test-unstable");

  expect(target).toMatchObject({
    codename: "sid",
    repositoryId: "test",
    codeversion: "~SID",
    takesUnsigned: false,
    uploaderKeyringPaths: ["/home/etc/keyrings/team.asc"],
    suite: { name: "unstable", uploadable: true },
  });
  expect(target?.architectures).toEqual([
    { name: "arm64", isOptional: false, buildsAll: false },
    { name: "amd64", isOptional: false, buildsAll: true },
    { name: "i386", isOptional: true, buildsAll: false },
  ]);
});

test.each([
  ["sid-test-unstable", ["sid-test-unstable", "sid-test-testing", "sid-test-stable"]],
  ["sid-test-stable", ["sid-test-stable"]],
  ["sid-test-snapshot", ["sid-test-snapshot", "sid-test-stable", "sid-test-hotfix", "sid-test-testing", "sid-test-unstable"]],
])("builds for %s see itself and what it migrates to, experimental ones all that are not", (name, expected) => {
  expect(catalog.findDistribution(name)?.visibleDistributions).toEqual(expected);
});

test("a meta-distribution is found by its short name", () => {
  expect(catalog.findDistribution("unstable")?.name).toBe("sid-debdev-unstable");
});

test.each(["sid-test-nosuch", "trixie-test-unstable", "stable", "", "__proto__"])("%j is not served", (name) => {
  expect(catalog.findDistribution(name)).toBeUndefined();
});

test("sources that the machine could not tell are an error when a build asks for them, not before", () => {
  const problem = new AppError({ kind: "unavailable", code: "HOST_ARCHIVE_UNKNOWN", message: "no lists" });
  const lame = new Catalog(parseCatalog(TEXT), new Map([["sid", { codeversion: "~SID", sources: problem }]]), "/");

  expect(lame.listDistributions()).toHaveLength(10);
  expect(() => lame.buildSources("sid")).toThrow(problem);
  expect(catalog.buildSources("sid")).toBe(sources);
});

test("resolvers have the original's names; setup script, eatmydata and ccache are for every build of a codename", () => {
  const withKeys = (keys: string): DistributionTarget | undefined =>
    new Catalog(
      parseCatalog(TEXT.replace('builds-all = "amd64"', `builds-all = "amd64"\n${keys}`)),
      new Map([["sid", { codeversion: "~SID", sources }]]),
      "/home/etc/keyrings",
    ).findDistribution("sid-test-unstable");

  const resolvers = ["apt", "aptitude", "aspcud", "internal"].map((name) => withKeys(`build-dep-resolver = "${name}"`));
  expect(resolvers.map((target) => target?.takesAlternatives)).toEqual([false, true, true, false]);
  expect(withKeys('setup-script = """\necho a\necho b\n"""\neatmydata = true')).toMatchObject({
    setupScript: "echo a\necho b\n",
    eatmydata: true,
    basePackages: ["eatmydata"],
    ccache: false,
  });
  expect(withKeys("ccache = true")).toMatchObject({ ccache: true, basePackages: [] });
});
