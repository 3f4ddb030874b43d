import { expect, test } from "vitest";
import type { BuildOrder } from "../buildorder/index.ts";
import { checkBuildOptions, formatSbuildConfiguration, sbuildArguments } from "./sbuild-configuration.ts";

function order(overrides: Partial<BuildOrder> = {}): BuildOrder {
  return {
    buildId: "foo/1/t/amd64",
    attempt: 1,
    source: "foo",
    version: "1",
    distribution: "bookworm-test-unstable",
    codename: "bookworm",
    architecture: "amd64",
    buildsAll: true,
    baseSources: [],
    extraSources: [],
    components: ["main"],
    dscName: "foo_1.dsc",
    files: [],
    lintianMode: "disabled",
    debBuildOptions: [],
    debBuildProfiles: [],
    addDepends: [],
    limits: { timeoutMs: 1, silenceTimeoutMs: 60_000, logSizeBytesMax: 1 },
    ...overrides,
  };
}

test("options from a changelog cannot leave their Perl string", () => {
  const text = formatSbuildConfiguration(order({ debBuildOptions: ["a'; system('id'); '", "b\\"] }));

  expect(text).toContain("'DEB_BUILD_OPTIONS' => 'a\\'; system(\\'id\\'); \\' b\\\\'");
});

test.each(["a b", "a'b", "$x", "-x", "x\ny", ""])("the build option %j is refused", (option) => {
  expect(() => checkBuildOptions(order({ debBuildOptions: [option] }))).toThrow("not a valid build option");
});

test("only what was asked for is built, and arguments of the server keep their percent signs", () => {
  const argv = sbuildArguments({
    order: order({ debBuildProfiles: ["nocheck", "nodoc"] }),
    scope: { any: false, all: true },
    virtServer: { program: "/x/virt", args: ["--layers", "a%b"] },
    dscPath: "/s/foo_1.dsc",
    resultPath: "/r",
  });

  expect(argv).toContain("--arch-all");
  expect(argv).toContain("--no-arch-any");
  expect(argv).toContain("--profiles=nocheck,nodoc");
  expect(argv).toContain("--autopkgtest-virt-server-opt=a%%b");
  expect(argv.at(-1)).toBe("/s/foo_1.dsc");
});

test("a build uses the processors it was given, unless its options say how many", () => {
  const environment = (debBuildOptions: readonly string[], jobs?: number): string | undefined =>
    /build_environment = (.*);/.exec(formatSbuildConfiguration(order({ debBuildOptions }), { jobs }))?.[1];

  expect(environment([], 2)).toBe("{ 'DEB_BUILD_OPTIONS' => 'parallel=2' }");
  expect(environment(["nocheck"], 2)).toBe("{ 'DEB_BUILD_OPTIONS' => 'nocheck parallel=2' }");
  expect(environment(["parallel=1"], 2)).toBe("{ 'DEB_BUILD_OPTIONS' => 'parallel=1' }");
  expect(environment([])).toBe("{  }");
});

test("a compiler cache comes first in the build's path, and without one nothing speaks of it", () => {
  const compilerCache = { programDirectory: "/usr/lib/ccache", variables: { CCACHE_DIR: "/c" } };

  const text = formatSbuildConfiguration(order({ setupScript: "true" }), { jobs: 2, compilerCache });

  expect(text).toContain("$build_environment = { 'DEB_BUILD_OPTIONS' => 'parallel=2', 'CCACHE_DIR' => '/c' };");
  expect(text).toContain("$path = '/usr/lib/ccache:/usr/local/sbin:");
  expect(text).toMatch(
    /^\$external_commands = \{ 'chroot-setup-commands' => [^]*, 'finished-build-commands' => .*ccache --show-stats/m,
  );
  expect(formatSbuildConfiguration(order({ setupScript: "true" }), { jobs: 2 })).not.toMatch(/ccache|\$path/i);
});
