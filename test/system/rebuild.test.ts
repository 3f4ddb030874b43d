import { afterAll, beforeAll, expect, test } from "vitest";
import { parseBuildinfo, parseChanges } from "../../src/formats/index.ts";
import type { UploadView } from "../../src/operations/index.ts";
import { type AptRoot, aptSource, makeAptRoot } from "../support/apt.ts";
import { Daemon, hostArchitecture, hostCodename, hostVersionSuffix } from "../support/daemon.ts";
import { makeSourcePackage } from "../support/source-tree.ts";

/** A source of both kinds of packages is built again where it is, by the real sbuild, and apt looks at what becomes of it. */
const NAME = "mbd-rebuilt";

let daemon: Daemon;
let apt: AptRoot;
let architecture: string;
let unstable: string;
let testing: string;
let version: string;

beforeAll(async () => {
  const [codename, suffix] = await Promise.all([hostCodename(), hostVersionSuffix()]);
  architecture = await hostArchitecture();
  [unstable, testing, version] = [`${codename}-test-unstable`, `${codename}-test-testing`, `1.0${suffix}`];
  const catalog = [
    '[archive-sources.host]\nfrom = "host"',
    `[codenames.${codename}]\nbase = "host"\narchitectures = ["${architecture}"]\nlintian = "disabled"`,
    `[repositories.test]\ncodenames = ["${codename}"]\nuploads = "unsigned"`,
  ].join("\n");
  daemon = await Daemon.make({ catalog, sharesLayers: true });
  await daemon.start();
  await daemon.apply();
  const key = (await (await daemon.get("/mini_buildd/api/pub_key/?output=plain")).text()).trim();
  const source = { uri: `${daemon.url}/repositories/test`, suites: [unstable, testing], components: ["main"], armoredKey: key };
  const changesPath = await makeSourcePackage(daemon.scratch, { name: NAME, version, distribution: unstable, files: files() });
  await daemon.dput(changesPath);
  await daemon.command("wait", changesPath);
  apt = await makeAptRoot({ sources: aptSource(source), architecture });
});

afterAll(async () => {
  await apt?.dispose();
  await daemon?.remove();
});

/** One package for the architecture, which wants its data in the version of the source, and one for all. */
function files(): Record<string, string> {
  const paragraph = (...lines: readonly string[]): string =>
    `${lines.join("\n")}\nDescription: package of the test suite\n It is rebuilt.\n`;
  const build = (name: string): string =>
    [
      `\trm -rf debian/${name}`,
      `\tinstall -D -m 644 debian/changelog debian/${name}/usr/share/doc/${name}/changelog`,
      `\tmkdir -p debian/${name}/DEBIAN`,
      `\tdpkg-gencontrol -p${name} -Pdebian/${name}`,
      `\tdpkg-deb --root-owner-group -Znone --build debian/${name} ..`,
    ].join("\n");
  return {
    "debian/control": [
      `Source: ${NAME}\nSection: misc\nPriority: optional\nMaintainer: Tests <tests@example.org>\nStandards-Version: 4.6.2\nRules-Requires-Root: no\n`,
      paragraph(`Package: ${NAME}`, "Architecture: any", `Depends: ${NAME}-data (= \${source:Version})`),
      paragraph(`Package: ${NAME}-data`, "Architecture: all"),
    ].join("\n"),
    "debian/rules": [
      "#!/usr/bin/make -f",
      "clean build build-arch build-indep:",
      "binary: binary-arch binary-indep",
      `binary-arch:\n${build(NAME)}`,
      `binary-indep:\n${build(`${NAME}-data`)}`,
      ".PHONY: clean build build-arch build-indep binary binary-arch binary-indep",
      "",
    ].join("\n"),
  };
}

/** Rebuilds it; resolves when apt can see that. Returns the upload's id. */
async function rebuild(...args: readonly string[]): Promise<{ upload: string; version: string }> {
  const result = JSON.parse(await daemon.command("rebuild", NAME, unstable, "--json", ...args)) as {
    upload: string;
    version: string;
  };
  const end = await daemon.waitForEnd(NAME, result.version);
  expect(end).toMatchObject({ type: "INSTALLED" });
  await untilPublished(unstable, end.id);
  return result;
}

async function untilPublished(distribution: string, after: number): Promise<void> {
  await daemon.waitFor(
    "its publication",
    (event) =>
      event.id > after &&
      event.type === "publication-state" &&
      event.distribution === distribution &&
      event.data["to"] === "published",
  );
  await apt.must("apt-get", "update");
}

/** Each version of a package, by its name, in the snapshot of that name: as apt sees it with our key. */
async function inSnapshot(snapshot: string, ...names: readonly string[]): Promise<string[]> {
  const suites = [`${unstable}/snapshots/${snapshot}`];
  const armoredKey = (await textOf("/mini_buildd/api/pub_key/?output=plain")).trim();
  const sources = aptSource({ uri: `${daemon.url}/repositories/test`, suites, components: ["main"], armoredKey });
  const root = await makeAptRoot({ sources, architecture });
  try {
    await root.must("apt-get", "update");
    const rows = (await root.must("apt-cache", "madison", ...names)).trim().split("\n");
    const cells = rows.map((row) => row.split("|").map((cell) => cell.trim()));
    return cells.filter(([, , from]) => from?.endsWith("Packages")).map(([name, found]) => `${name} ${found}`);
  } finally {
    await root.dispose();
  }
}

/** "version distribution" of what apt offers, newest first. */
async function offered(name: string): Promise<string[]> {
  const rows = (await apt.must("apt-cache", "madison", name)).trim().split("\n");
  const cells = rows.map((row) => row.split("|").map((cell) => cell.trim()));
  return cells
    .filter(([, , from]) => from?.endsWith("Packages"))
    .map(([, found, from]) => `${found} ${from?.split(" ")[1]?.split("/")[0]}`);
}

async function textOf(path: string): Promise<string> {
  return (await daemon.get(path)).text();
}

test("apt sees the rebuilt package beside the data that stays, and still gets the source that was uploaded", async () => {
  await daemon.command("snapshot-create", unstable, "before");
  const made = await rebuild("--reason", "Rebuild against libfoo 2");
  await daemon.command("snapshot-create", unstable, "after");

  expect(made.version).toBe(`${version}+b1`);
  expect(await offered(NAME)).toEqual([`${version}+b1 ${unstable}`]);
  expect(await offered(`${NAME}-data`)).toEqual([`${version} ${unstable}`]);
  const shown = await apt.must("apt-cache", "show", NAME);
  expect(shown).toContain(`Source: ${NAME} (${version})\n`);
  await apt.must("apt-get", "--simulate", "install", NAME);
  await apt.must("apt-get", "source", "--download-only", NAME);
  expect(await apt.must("apt-cache", "showsrc", NAME)).toContain(`Version: ${version}\n`);

  const upload = JSON.parse(await textOf(`/api/v1/upload?upload=${encodeURIComponent(made.upload)}`)) as UploadView;
  const path = (ending: string): string => upload.builds[0]?.files.find(({ name }) => name.endsWith(ending))?.path ?? "";
  const changes = parseChanges(await textOf(path(".changes")));
  expect(changes).toMatchObject({ source: NAME, sourceVersion: version, version: `${version}+b1`, isBinaryOnly: true });
  expect(changes.changes).toContain(`  * Binary-only non-maintainer upload for ${architecture}; no source changes.`);
  expect(changes.changes).toContain("  * Rebuild against libfoo 2");
  expect(changes.files.some(({ name }) => name.includes("-data_"))).toBe(false);
  const buildinfo = parseBuildinfo(await textOf(path(".buildinfo")));
  expect(buildinfo).toMatchObject({ sourceVersion: version, version: `${version}+b1`, architectures: [architecture] });
  expect(buildinfo.stanza.fields.has("binary-only-changes")).toBe(true);
});

test("the next rebuild has the next number, takes its place, and migrates", async () => {
  await rebuild();
  expect(await offered(NAME)).toEqual([`${version}+b2 ${unstable}`]);

  await daemon.command("migrate", NAME, unstable, "--force");
  const migrated = await daemon.waitFor("the migration", ({ type, source }) => type === "MIGRATED" && source === NAME);
  await untilPublished(testing, migrated.id);

  expect((await offered(NAME)).sort()).toEqual([`${version}+b2 ${testing}`, `${version}+b2 ${unstable}`]);
  expect((await offered(`${NAME}-data`)).sort()).toEqual([`${version} ${testing}`, `${version} ${unstable}`]);
  expect(await daemon.command("ls", NAME)).toMatch(
    new RegExp(`${testing} +${escaped(version)} \\(rebuilt: ${escaped(version)}\\+b2\\)`),
  );
  const page = await textOf(`/mini_buildd/repositories/test/dists/${testing}/`);
  expect(page).toMatch(new RegExp(`rebuilt as <a href="[^"]*">${escaped(version)}\\+b2</a>`));
});

test("snapshots from before and after a rebuild show apt what there was, whatever came later", async () => {
  const names = [NAME, `${NAME}-data`];

  expect(await inSnapshot("before", ...names)).toEqual([`${NAME} ${version}`, `${NAME}-data ${version}`]);
  expect(await inSnapshot("after", ...names)).toEqual([`${NAME} ${version}+b1`, `${NAME}-data ${version}`]);
  expect(await daemon.command("snapshot-diff", unstable, "before", "after")).toMatch(
    new RegExp(`^upgraded +${NAME} +${architecture} +${escaped(version)} +${escaped(version)}\\+b1$`, "m"),
  );
});

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
