import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fieldValue, parseDeb822Stanzas, parseDsc } from "../../src/formats/index.ts";
import { runChecked } from "../../src/runtime/index.ts";
import type { AptRoot } from "../support/apt.ts";
import { Daemon } from "../support/daemon.ts";
import { downloadSource, type HostRelease, makeHostAptRoot, readHostRelease } from "../support/host-archive.ts";
import { plainCatalog } from "../support/plain-catalog.ts";
import { PlainSbuild } from "../support/plain-sbuild.ts";

/** Small programs, one that is arch:all, and a library with packages for the installer and for another ABI. */
const SOURCE_PACKAGES = ["hello", "sl", "cowsay", "zlib"];

let release: HostRelease;
let distribution: string;
let aptRoot: AptRoot;
let daemon: Daemon;
let sbuild: PlainSbuild;

beforeAll(async () => {
  release = await readHostRelease();
  distribution = `${release.codename}-test-unstable`;
  [aptRoot, daemon, sbuild] = await Promise.all([makeHostAptRoot(release), startDaemon(), PlainSbuild.make(release)]);
});

afterAll(async () => {
  await Promise.all([daemon?.remove(), sbuild?.remove(), aptRoot?.dispose()]);
});

test.each(SOURCE_PACKAGES)("%s is built bit for bit as plain sbuild builds it", async (name) => {
  const { directory, dscName } = await downloadSource(aptRoot, name);
  const dscPath = join(directory, dscName);
  const dsc = parseDsc(await readFile(dscPath), dscName);

  const [theirs] = await Promise.all([sbuild.build(dscPath), buildByDaemon(dscPath, dsc)]);

  const ours = await outputDirectory(dsc);
  const debs = await listDebs(theirs.directory);
  expect(debs).not.toEqual({});
  expect(await listDebs(ours)).toEqual(debs);
  expect(await buildCircumstances(ours)).toEqual(await buildCircumstances(theirs.directory));
  expect(Object.values(debs)).toEqual(expect.arrayContaining(await publishedHashes(dsc.source)));
});

async function startDaemon(): Promise<Daemon> {
  const started = await Daemon.make({ catalog: plainCatalog(release, { lintian: "disabled" }), sharesLayers: true });
  await started.start();
  await started.apply();
  return started;
}

async function buildByDaemon(dscPath: string, { source, version }: { source: string; version: string }): Promise<void> {
  await daemon.dput(await makeChanges(dscPath));
  const end = await daemon.waitForEnd(source, version);
  if (end.type !== "INSTALLED") throw new Error(`${source} ended as ${end.type}: ${JSON.stringify(end.data)}`);
  await daemon.waitFor(
    `the publication of ${source}`,
    (event) => event.id > end.id && event.type === "publication-state" && event.data["to"] === "published",
  );
}

/** For a .dsc as it is, with its files, for our distribution. */
async function makeChanges(dscPath: string): Promise<string> {
  const directory = join(dscPath, "..");
  const tree = `${dscPath}-tree`;
  const changesPath = dscPath.replace(/\.dsc$/, "_source.changes");
  await runChecked({ argv: ["dpkg-source", "--no-check", "--extract", dscPath, tree], cwd: directory, timeoutMs: 120_000 });
  const argv = ["dpkg-genchanges", "--build=source", "-sa", `-DDistribution=${distribution}`, `-O${changesPath}`] as const;
  await runChecked({ argv, cwd: tree, env: { HOME: directory }, timeoutMs: 120_000 });
  return changesPath;
}

/** Where the daemon keeps what the build gave. */
async function outputDirectory({ source, version }: { source: string; version: string }): Promise<string> {
  const versionPath = join(daemon.home, "builds", source, version);
  const [timecode = ""] = await readdir(versionPath);
  return join(versionPath, timecode, release.architecture);
}

/** Name to SHA-256 of every binary package, those for debugging and for the installer too. */
async function listDebs(directory: string): Promise<Record<string, string>> {
  const names = (await readdir(directory)).filter((name) => /\.u?deb$/.test(name)).sort();
  const hashes = names.map(async (name) => [name, await sha256(join(directory, name))] as const);
  return Object.fromEntries(await Promise.all(hashes));
}

async function sha256(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
}

/** The .buildinfo but for when and where it was built: what was installed, and the environment. */
async function buildCircumstances(directory: string): Promise<Record<string, string | undefined>> {
  const name = (await readdir(directory)).find((file) => file.endsWith(".buildinfo")) ?? "";
  const [stanza] = parseDeb822Stanzas(await readFile(join(directory, name)));
  if (stanza === undefined) throw new Error(`${directory} has no .buildinfo`);
  const fields = ["Binary", "Checksums-Sha256", "Build-Origin", "Build-Architecture", "Installed-Build-Depends", "Environment"];
  return Object.fromEntries(fields.map((field) => [field, fieldValue(stanza, field)]));
}

/** What apt is offered of a source package. */
async function publishedHashes(source: string): Promise<(string | undefined)[]> {
  const index = `dists/${distribution}/main/binary-${release.architecture}/Packages.gz`;
  const answer = await daemon.get(`/repositories/test/${index}`);
  const stanzas = parseDeb822Stanzas(gunzipSync(Buffer.from(await answer.arrayBuffer())));
  const ofSource = stanzas.filter(
    (stanza) => (fieldValue(stanza, "Source") ?? fieldValue(stanza, "Package"))?.split(" ")[0] === source,
  );
  expect(ofSource).not.toEqual([]);
  return ofSource.map((stanza) => fieldValue(stanza, "SHA256"));
}
