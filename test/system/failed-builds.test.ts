import { mkdtemp, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { BuildView, UploadView } from "../../src/operations/index.ts";
import { type EndedCommand, runChecked, runCommand } from "../../src/runtime/index.ts";
import { Daemon, hostArchitecture, hostCodename, hostVersionSuffix } from "../support/daemon.ts";
import { makeSourcePackage, type SourceTreeOptions } from "../support/source-tree.ts";

/** What people have of a build that failed: its products over HTTP, its log's first error, and its testbed. */
let daemon: Daemon;
let architecture: string;
let codename: string;
let suffix: string;

beforeAll(async () => {
  [codename, architecture, suffix] = await Promise.all([hostCodename(), hostArchitecture(), hostVersionSuffix()]);
  const catalog = [
    "[archive-sources.host]",
    'from = "host"',
    `[codenames.${codename}]`,
    'base = "host"',
    `architectures = ["${architecture}"]`,
    'lintian = "errfail"',
    "[repositories.test]",
    `codenames = ["${codename}"]`,
    'uploads = "unsigned"',
    "",
  ].join("\n");
  daemon = await Daemon.make({ catalog, sharesLayers: true });
  await daemon.start();
  await daemon.apply();
});

afterAll(async () => {
  await daemon?.remove();
});

/** Uploads it, waits for its end, and gives its build. */
async function fail(name: string, more: Partial<SourceTreeOptions>): Promise<BuildView> {
  const version = `1.0${suffix}`;
  const distribution = `${codename}-test-unstable`;
  await daemon.dput(await makeSourcePackage(daemon.scratch, { name, version, distribution, ...more }));
  const end = await daemon.waitForEnd(name, version);
  expect(end.type).toBe("FAILED");
  const response = await daemon.get(`/api/v1/upload?upload=${encodeURIComponent(end.upload ?? "")}`);
  const [build] = ((await response.json()) as UploadView).builds;
  if (build === undefined) throw new Error(`${name} has no build`);
  return build;
}

/** Downloads every product of a build to a directory of its own. */
async function download(build: BuildView): Promise<string> {
  const directory = await mkdtemp(join(daemon.scratch, "products-"));
  for (const file of build.files) {
    const response = await daemon.get(file.path);
    expect([file.name, response.status]).toEqual([file.name, 200]);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(bytes.length).toBe(file.size_bytes);
    await writeFile(join(directory, file.name), bytes);
  }
  return directory;
}

async function printed(...argv: [string, ...string[]]): Promise<string> {
  return (await runChecked({ argv })).stdout.toString("utf8");
}

function debugBuild(build: BuildView, ...command: readonly string[]): Promise<EndedCommand> {
  const program = resolve(import.meta.dirname, "../../dist/main.js");
  const argv = [process.execPath, program, "debug-build", "--home", daemon.home, build.id, "--", ...command] as const;
  return runCommand({ argv: [...argv], timeoutMs: 120_000 });
}

test("of a build that fails in sbuild: packages, logs and tree by HTTP; its first error; a shell, also when the daemon was killed", async () => {
  const recipe = [
    "mkdir -p obj debian/tmp/DEBIAN",
    "echo 'configure: error: no frobnicator' > obj/config.log",
    "dpkg-gencontrol -Pdebian/tmp",
    "dpkg-deb --root-owner-group -Znone --build debian/tmp ..",
    "rm -r debian/tmp",
    "echo 'main.c:7:3: error: it fails' >&2; exit 1",
  ];

  const build = await fail("mbd-breaks", { recipe, architecture: "any" });

  const base = `mbd-breaks_1.0${suffix}_${architecture}`;
  expect(build.files.map(({ name }) => name)).toEqual([`${base}.deb`, "obj_config.log", `${base}.build-tree.tar.zst`]);
  const directory = await download(build);
  expect(await printed("dpkg-deb", "--field", join(directory, `${base}.deb`), "Package")).toBe("mbd-breaks\n");
  expect(await printed("cat", join(directory, "obj_config.log"))).toBe("configure: error: no frobnicator\n");
  const names = await printed("tar", "--list", "--zstd", "--file", join(directory, `${base}.build-tree.tar.zst`));
  expect(names.split("\n")).toContain(`mbd-breaks-1.0${suffix}/debian/changelog`);

  const page = await (await daemon.get(`/mini_buildd/uploads/${build.id.split("/").slice(0, 3).join("/")}/`)).text();
  expect(page).toContain(`First error in the log, line ${build.failure?.log_line}`);
  expect(page).toContain(`mini-buildd debug-build ${build.id}`);
  for (const { path } of build.files) expect(page).toContain(`href="${path}"`);
  const log = await (await daemon.get(`${build.log_path}?follow=0`)).text();
  expect(log.split("\n")[(build.failure?.log_line ?? 0) - 1]).toBe("main.c:7:3: error: it fails");
  expect(log.trimEnd().split("\n").at(-1)).toContain(`mini-buildd debug-build ${build.id}`);

  await daemon.end("SIGKILL");
  const without = await debugBuild(build, "cat", "obj/config.log");
  await daemon.start();
  const after = await debugBuild(build, "cat", "obj/config.log");
  expect([without.stdout.toString(), after.stdout.toString()]).toEqual(Array(2).fill("configure: error: no frobnicator\n"));
});

test("of a build that fails its checks: everything that was built", async () => {
  const build = await fail("mbd-unlinted", { recipe: ["mkdir -p debian/tmp/usr/local/bin && touch debian/tmp/usr/local/bin/x"] });

  expect(build).toMatchObject({ status: "package-failed", failure: { class: "checks" } });
  const directory = await download(build);
  const changes = build.files.find(({ name }) => name.endsWith(".changes"));
  const debs = build.files.filter(({ name }) => name.endsWith(".deb"));
  expect(debs.length).toBe(1);
  expect(await printed("dpkg-deb", "--contents", join(directory, debs[0]?.name ?? ""))).toContain("./usr/local/bin/x");
  expect(await printed("cat", join(directory, changes?.name ?? ""))).toContain(debs[0]?.sha256);
});

test("of a build whose tests fail: what they printed, and their artifacts", async () => {
  const files = {
    "debian/tests/control": "Tests: breaks\nDepends: @\n",
    "debian/tests/breaks": '#!/bin/sh\necho said so > "$AUTOPKGTEST_ARTIFACTS/proof"\necho now it breaks\nexit 3\n',
  };
  const changelogLines = ["MINI_BUILDD_OPTION: autopkgtest-mode=errfail", "MINI_BUILDD_OPTION: lintian-mode=disabled"];

  const build = await fail("mbd-untested", { files, changelogLines });

  expect(build.checks.find(({ name }) => name === "autopkgtest")).toMatchObject({ outcome: "fail" });
  const directory = await download(build);
  const archive = join(directory, `mbd-untested_1.0${suffix}_${architecture}.autopkgtest.tar.zst`);
  const content = (path: string): Promise<string> =>
    printed("tar", "--extract", "--to-stdout", "--zstd", "--file", archive, path);
  expect(await content("autopkgtest-0/output/artifacts/proof")).toBe("said so\n");
  expect(await content("autopkgtest-0/output/breaks-stdout")).toBe("now it breaks\n");
  expect(build.files.some(({ name }) => name.endsWith(".deb"))).toBe(true);
});
