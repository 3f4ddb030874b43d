import { afterAll, beforeAll, expect, test } from "vitest";
import type { UploadView } from "../../src/operations/index.ts";
import { Daemon, defaultCatalog, hostCodename, hostVersionSuffix } from "../support/daemon.ts";
import { makeSourcePackage, type SourceTreeOptions } from "../support/source-tree.ts";

/** Uploads that need each other, and what is known of a package when its next version comes. */
let daemon: Daemon;
let unstable: string;
let suffix: string;

beforeAll(async () => {
  const [codename, versionSuffix] = await Promise.all([hostCodename(), hostVersionSuffix()]);
  unstable = `${codename}-test-unstable`;
  suffix = versionSuffix;
  const catalog = (await defaultCatalog()).replace(/^base = .*$/m, "$&\nccache = true");
  daemon = await Daemon.make({ catalog, sharesLayers: true });
  await daemon.start();
  await daemon.apply();
});
afterAll(() => daemon?.remove());

function make(name: string, version: string, more: Partial<SourceTreeOptions> = {}): Promise<string> {
  const changelogLines = ["MINI_BUILDD_OPTION: lintian-mode=disabled", ...(more.changelogLines ?? [])];
  const own = { name, version: `${version}${suffix}`, distribution: unstable };
  return makeSourcePackage(daemon.scratch, { ...own, ...more, changelogLines });
}

async function uploadOf(source: string, version: string): Promise<UploadView> {
  const events = await daemon.events();
  const id = events.findLast((event) => event.source === source && event.version === `${version}${suffix}`)?.upload;
  const response = await daemon.get(`/api/v1/upload?upload=${encodeURIComponent(id ?? "")}`);
  return (await response.json()) as UploadView;
}

test("uploads that depend on each other end built, in whatever order they come", { timeout: 900_000 }, async () => {
  const changes = {
    top: await make("mbd-batch-top", "1.0", { buildDepends: "mbd-batch-middle (>= 1.0~)", recipe: ["mbd-batch-middle"] }),
    middle: await make("mbd-batch-middle", "1.0", { buildDepends: "mbd-batch-bottom (>= 1.0~)", recipe: ["mbd-batch-bottom"] }),
    bottom: await make("mbd-batch-bottom", "1.0"),
  };

  await daemon.dput(changes.top);
  await daemon.dput(changes.middle);
  await daemon.dput(changes.bottom);
  for (const path of Object.values(changes)) await daemon.command("wait", path);

  const top = await uploadOf("mbd-batch-top", "1.0");
  expect(top.state).toBe("installed");
  const waited = top.builds.filter(({ status }) => status === "dependencies-missing");
  expect(waited[0]?.reason).toContain("mbd-batch-middle");
  const events = (await daemon.events()).filter(({ source }) => source === "mbd-batch-top").map(({ type }) => type);
  expect(events.filter((type) => type === type.toUpperCase())).toEqual(["PACKAGING", "BUILDING", "BUILT", "INSTALLED"]);
});

test("piuparts upgrades from the version that the distribution has", { timeout: 900_000 }, async () => {
  await daemon.command("wait", await sent("1.1", "MINI_BUILDD_OPTION: piuparts-mode=errfail"));

  const { builds } = await uploadOf("mbd-batch-bottom", "1.1");

  expect(builds[0]?.checks.find(({ name }) => name === "piuparts")).toMatchObject({
    outcome: "pass",
    tests: [
      { name: "install and purge", outcome: "pass" },
      { name: "upgrade", outcome: "pass" },
    ],
  });
});

test("an upgrade that fails: under errfail the upload does, and its cache with it; ignored, it is installed and recorded", {
  timeout: 900_000,
}, async () => {
  const good = await compiled("1.0", ["a"]);
  const failed = await compiled("1.1", ["a", "b"], { mode: "errfail" });
  const ignored = await compiled("1.2", ["a", "b", "c"], { mode: "ignore" });

  expect([good.state, failed.state, ignored.state]).toEqual(["installed", "failed", "installed"]);
  expect(failed.build).toMatchObject({ status: "package-failed", failure: { class: "checks" } });
  const outcome = {
    outcome: "fail",
    tests: [
      { name: "install and purge", outcome: "pass" },
      { name: "upgrade", outcome: "fail" },
    ],
  };
  for (const { build } of [failed, ignored]) {
    expect(build.checks.find(({ name }) => name === "piuparts")).toMatchObject(outcome);
  }
  // "b" is compiled again: what the failed build made is not in the cache.
  expect([good.hits, failed.hits, ignored.hits]).toEqual([0, 1, 1]);
});

/** Uploads a package that compiles files of these names; with a mode, one that users of another version cannot upgrade to. */
async function compiled(version: string, names: readonly string[], { mode }: { mode?: string } = {}) {
  const source = "mbd-batch-compiled";
  const recipe = names.map((name) => `echo 'int ${name}(void) { return 1; }' > ${name}.c && gcc -c ${name}.c`);
  if (mode !== undefined) recipe.push("install -D -m 755 preinst debian/tmp/DEBIAN/preinst");
  const files = { preinst: '#!/bin/sh\nset -e\nif [ "$1" = upgrade ]; then exit 1; fi\n' };
  const changelogLines = mode === undefined ? [] : [`MINI_BUILDD_OPTION: piuparts-mode=${mode}`];
  await daemon.dput(await make(source, version, { architecture: "any", recipe, files, changelogLines }));
  await daemon.waitForEnd(source, `${version}${suffix}`);

  const { state, builds } = await uploadOf(source, version);
  const [build] = builds;
  if (build === undefined) throw new Error(`${source} ${version} has no build`);
  const log = await (await daemon.get(`${build.log_path}?follow=0`)).text();
  return { state, build, hits: compilerCacheHits(log) };
}

/** What `ccache --show-stats` of versions 3 and 4 says at the end of a build. */
function compilerCacheHits(log: string): number {
  const hits = /^\s*Cacheable calls:.*\n\s*Hits:\s+(\d+)/m.exec(log);
  if (hits !== null) return Number(hits[1]);
  const old = [...log.matchAll(/^cache hit \((?:direct|preprocessed)\)\s+(\d+)/gm)];
  if (old.length === 0) throw new Error(`no statistics of the compiler cache:\n${log.slice(-5_000)}`);
  return old.reduce((sum, [, count]) => sum + Number(count), 0);
}

async function sent(version: string, option: string): Promise<string> {
  const changesPath = await make("mbd-batch-bottom", version, { changelogLines: [option] });
  await daemon.dput(changesPath);
  return changesPath;
}
