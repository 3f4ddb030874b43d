import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { BuildOrder, BuildResult } from "../../../src/buildorder/index.ts";
import { runChecked } from "../../../src/runtime/index.ts";
import type { Layer } from "../../../src/testbed/index.ts";
import { downloadSource, makeHostAptRoot } from "../../support/host-archive.ts";
import { openRealBuilder, type RealBuild, type RealBuilder } from "./real-build.ts";

const CACHED = { compilerCache: { repository: "ccachetest" } };

let builder: RealBuilder;

beforeAll(async () => {
  builder = await openRealBuilder();
}, 600_000);
beforeEach(removeCaches);
afterAll(async () => {
  await removeCaches();
  await builder.dispose();
});

test("a new version of a C package takes from the cache what the version before compiled, and is the same as without", {
  timeout: 900_000,
}, async () => {
  const root = await makeHostAptRoot(builder.release);
  const directory = await mkdtemp(join(tmpdir(), "mbd-next-"));
  try {
    const first = await downloadSource(root, "figlet");
    const nextName = await makeNextVersion(first, directory);
    const before = await builder.build(first.directory, first.dscName, { order: CACHED });
    const after = await builder.build(directory, nextName, { order: CACHED });
    const without = await builder.build(directory, nextName);

    for (const build of [before, after, without]) requireBuilt(build);
    expect(before.log).toMatch(/^compiler cache stored: \d+\.\d MiB$/m);
    const [cold, warm] = [hitShare(before.log), hitShare(after.log)];
    expect(cold).toBeLessThan(0.3);
    expect(warm).toBeGreaterThan(0.9);
    expect(await caches()).toHaveLength(1);
    expect(debsOf(after)).toHaveLength(2);
    expect(debsOf(after)).toEqual(debsOf(without));
  } finally {
    await rm(directory, { recursive: true, force: true });
    await root.dispose();
  }
});

test("what a build that failed compiled is not in the cache, nor that of one whose checks failed", {
  timeout: 600_000,
}, async () => {
  const good = await buildCompiling("1", ["a"]);
  const [stored] = await caches();
  const failed = await buildCompiling("2", ["a", "b"], { end: ["false"] });
  // Lintian finds an error: a file where packages have none.
  const bad = await buildCompiling(
    "3",
    ["a", "c"],
    { end: ["mkdir -p debian/compiled/usr/local/bin", "echo > debian/compiled/usr/local/bin/x"] },
    { lintianMode: "errfail" },
  );
  const unchanged = await caches();
  const again = await buildCompiling("4", ["a", "b", "c"]);

  requireBuilt(good);
  expect(failed.result.status).toBe("package-failed");
  expect(bad.result).toMatchObject({ status: "package-failed", failedStep: "checks" });
  expect(unchanged.map(({ id }) => id)).toEqual([stored?.id]);
  requireBuilt(again);
  expect([hits(good.log), hits(failed.log), hits(bad.log), hits(again.log)]).toEqual([
    { hits: 0, calls: 1 },
    { hits: 1, calls: 2 },
    { hits: 1, calls: 2 },
    { hits: 1, calls: 3 },
  ]);
});

test("of builds at the same time the last one's cache stays, whole, and each had its own", { timeout: 600_000 }, async () => {
  requireBuilt(await buildCompiling("1", ["a"]));

  const builds = await Promise.all(["2", "3", "4"].map((version) => buildCompiling(version, ["a", `only${version}`])));
  const after = await buildCompiling("5", ["a", "only2", "only3", "only4"]);

  for (const build of builds) {
    requireBuilt(build);
    expect(hits(build.log)).toEqual({ hits: 1, calls: 2 });
  }
  expect(hits(after.log)).toEqual({ hits: 2, calls: 4 });
  // One that was in use when it was replaced went with the next.
  expect(await caches()).toHaveLength(1);
});

test("a cache holds regular files only, no settings, and is another source's nowhere", { timeout: 600_000 }, async () => {
  const hostile = await buildCompiling("1", ["a"], {
    end: [
      "echo 'prefix_command = touch /tmp/taken' > $$CCACHE_DIR/ccache.conf",
      "ln -s /etc/shadow $$CCACHE_DIR/link && mkfifo $$CCACHE_DIR/pipe",
      "touch /mini-buildd/taken 2> /dev/null || echo closed",
    ],
  });
  const next = await buildCompiling("2", ["a"], { end: ["ls -lR $$CCACHE_DIR", "ls /tmp/taken || echo untaken"] });
  const other = await buildCompiling("1", ["a"], { name: "othersource" });

  requireBuilt(hostile);
  requireBuilt(next);
  requireBuilt(other);
  expect(hostile.log).toMatch(/^closed$/m);
  expect(next.log).not.toMatch(/^[lp]r.* (link|pipe)/m);
  expect(next.log).not.toContain("ccache.conf");
  expect(next.log).toMatch(/^untaken$/m);
  expect(hits(next.log)).toEqual({ hits: 1, calls: 1 });
  expect(hits(other.log)).toEqual({ hits: 0, calls: 1 });
});

test("without the setting there is no trace of it", { timeout: 600_000 }, async () => {
  const build = await buildCompiling(
    "1",
    ["a"],
    { end: ["env", "ls -d /mini-buildd || echo none", "command -v gcc"] },
    { compilerCache: undefined },
  );

  requireBuilt(build);
  expect(build.log).toMatch(/^none$/m);
  expect(build.log).toMatch(/^\/usr\/bin\/gcc$/m);
  expect(build.log.replaceAll(/^none$/gm, "")).not.toMatch(/ccache/i);
  expect(await caches()).toEqual([]);
});

/** A package that compiles files of these names, then runs `end`. */
function buildCompiling(
  version: string,
  files: readonly string[],
  { name = "compiled", end = [] }: { name?: string; end?: readonly string[] } = {},
  order: Partial<BuildOrder> = {},
): Promise<RealBuild> {
  const root = `debian/${name}`;
  const lines = [
    `rm -rf ${root} && mkdir -p ${root}/DEBIAN`,
    ...files.map((file) => `echo 'int ${file}(void) { return 1; }' > ${file}.c && gcc -c ${file}.c`),
    ...end,
    `dpkg-gencontrol -p${name} -P${root}`,
    `dpkg-deb --root-owner-group --build ${root} ..`,
  ];
  const rules = `#!/usr/bin/make -f\nclean:\nbuild build-arch build-indep:\nbinary-arch binary-indep: binary\nbinary:\n${lines.map((line) => `\t${line}\n`).join("")}`;
  return builder.buildGenerated({ name, version, architecture: "any", rules }, { order: { ...CACHED, ...order } });
}

/** Names and hashes. */
function debsOf({ result }: RealBuild): BuildResult["files"] {
  return result.files.filter(({ name }) => name.endsWith(".deb"));
}

/** The same source, one Debian revision later. */
async function makeNextVersion(from: { directory: string; dscName: string }, toDirectory: string): Promise<string> {
  const unpacked = join(toDirectory, "tree");
  await runChecked({ argv: ["dpkg-source", "--extract", join(from.directory, from.dscName), unpacked] });
  const changelogPath = join(unpacked, "debian/changelog");
  const changelog = await readFile(changelogPath, "utf8");
  const version = /\(([^)]+)\)/.exec(changelog)?.[1] ?? "";
  const entry = changelog.slice(0, changelog.indexOf("\n -- ")).replace(version, `${version}.1`);
  await writeFile(changelogPath, `${entry}${/\n -- .*\n/.exec(changelog)?.[0]}\n${changelog}`);
  await runChecked({ argv: ["sh", "-c", 'cp -- "$1"/*.orig.* .', "sh", from.directory], cwd: toDirectory });
  await runChecked({ argv: ["dpkg-source", "--build", "tree"], cwd: toDirectory });
  return `figlet_${version}.1.dsc`;
}

/** What `ccache --show-stats` of versions 3 and 4 says at the end of a build. */
function hits(log: string): { hits: number; calls: number } {
  const statistics = /^\s*Cacheable calls:\s+(\d+) \/\s+\d+.*\n\s*Hits:\s+(\d+)/m.exec(log);
  if (statistics !== null) return { calls: Number(statistics[1]), hits: Number(statistics[2]) };
  const count = (name: string): number => Number(new RegExp(`^cache ${name}\\s+(\\d+)`, "m").exec(log)?.[1] ?? 0);
  const found = count("hit \\(direct\\)") + count("hit \\(preprocessed\\)");
  return { hits: found, calls: found + count("miss") };
}

function hitShare(log: string): number {
  const { hits: found, calls } = hits(log);
  expect(calls).toBeGreaterThan(3);
  return found / calls;
}

async function caches(): Promise<Layer[]> {
  const layers = await builder.testbeds.listLayers();
  return layers.filter(({ kind, description }) => kind === "compiler-cache" && description.endsWith(" in ccachetest"));
}

async function removeCaches(): Promise<void> {
  for (const { id } of await caches()) await builder.testbeds.removeLayer(id);
}

/** Shows the log when it was not. */
function requireBuilt({ result, log }: RealBuild): void {
  if (result.status !== "built") throw new Error(`${result.status}: ${result.reason}\n${log.slice(-5_000)}`);
}
