import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { chunkBytes } from "../../../src/archive/chunked-index.ts";
import { DistributionIndexes } from "../../../src/archive/distribution-indexes.ts";
import { loadDistribution } from "../../../src/archive/distributions.ts";
import { PORTION_FILES } from "../../../src/archive/import-binaries.ts";
import { importBinaries, installPackages, removeSourceVersion, resignDistributions } from "../../../src/archive/index.ts";
import { PORTION_NAMES } from "../../../src/archive/index-changes.ts";
import { ManualClock, runChecked } from "../../../src/runtime/index.ts";
import { aptSource, makeAptRoot } from "../../support/apt.ts";
import { distributionSettings, makeTestArchive, type TestArchive, type TestArchiveOptions } from "../../support/archive.ts";
import { engines, useDatabase } from "../../support/database.ts";
import { type MadeFile, makeDeb } from "../../support/packages.ts";
import { readPublishedTree } from "../../support/release-tree.ts";

const UNSTABLE = "bookworm-test-unstable";
const DAY_MS = 24 * 60 * 60 * 1000;

let scratchPath: string;
let site: TestArchive | undefined;

beforeEach(async () => {
  scratchPath = await mkdtemp(join(tmpdir(), "mbd-indexes-"));
});

afterEach(async () => {
  await site?.dispose();
  site = undefined;
  await rm(scratchPath, { recursive: true, force: true });
});

async function open(settings = distributionSettings(UNSTABLE), options: TestArchiveOptions = {}): Promise<TestArchive> {
  site = await makeTestArchive(options);
  await site.ensure(settings);
  return site;
}

function indexPath(archive: TestArchive, name: string): string {
  return join(archive.homePath, "repositories/test/dists", UNSTABLE, name);
}

/** "path section/name" of what dpkg-deb lists, directories not among it. */
async function dpkgContents(deb: MadeFile, location: string): Promise<string[]> {
  const { stdout } = await runChecked({ argv: ["dpkg-deb", "--contents", deb.path] });
  const lines = stdout.toString().trimEnd().split("\n");
  return lines.filter((line) => !line.startsWith("d")).map((line) => `${line.slice(line.indexOf("./") + 2)} ${location}`);
}

test("Contents lists for each architecture what dpkg-deb lists, and packages with a file in common in one line", async () => {
  const archive = await open(distributionSettings(UNSTABLE, { architectures: ["amd64", "arm64"] }));
  const shared = { "usr/share/common file": "x\n" };
  const data = await makeDeb(scratchPath, { name: "data", section: "libs", files: { ...shared, "usr/share/data": "1\n" } });
  const tool = await makeDeb(scratchPath, { name: "tool", architecture: "amd64", files: { ...shared, "usr/bin/tool": "2\n" } });
  const installer = await makeDeb(scratchPath, { name: "tool-udeb", extension: "udeb", files: { "bin/tool": "3\n" } });
  await archive.install(UNSTABLE, { debs: [data, tool, installer] });
  await archive.archive.untilPublished();

  const read = async (name: string): Promise<string[]> => {
    const { stdout } = await runChecked({ argv: ["xz", "-dc", indexPath(archive, `main/${name}.xz`)] });
    return stdout.toString().trimEnd().split("\n");
  };
  const common = "usr/share/common file libs/data,misc/tool";
  const apart = [...(await dpkgContents(data, "libs/data")), ...(await dpkgContents(tool, "misc/tool"))];
  const expected = [common, ...apart.filter((line) => !line.startsWith("usr/share/common"))];
  expect(await read("Contents-amd64")).toEqual(expected.sort());
  expect(await read("Contents-arm64")).toEqual((await dpkgContents(data, "libs/data")).sort());
  expect(await read("Contents-udeb-amd64")).toEqual(await dpkgContents(installer, "misc/tool-udeb"));
});

test("every form of every index is whole for its own program, and for python", async () => {
  const archive = await open(distributionSettings(UNSTABLE, { compressions: ["zst"] }));
  const debs = await Promise.all(Array.from({ length: 60 }, (_, index) => makeDeb(scratchPath, { name: `package-${index}` })));
  await archive.install(UNSTABLE, { debs });
  await archive.archive.untilPublished();

  const { files } = await readPublishedTree(join(archive.homePath, "repositories/test/dists", UNSTABLE));
  const paths = files.map(({ path }) => path).filter((path) => /\.[a-z]+$/.test(path));
  expect(
    paths
      .filter((path) => path.startsWith("main/"))
      .map((path) => path.slice(5))
      .sort(),
  ).toEqual(
    ["Contents-amd64", "binary-amd64/Packages", "i18n/Translation-en", "source/Sources"]
      .flatMap((name) => ["gz", "xz", "zst"].map((form) => `${name}.${form}`))
      .sort(),
  );
  const testers: Record<string, readonly [string, ...string[]]> = {
    gz: ["gzip", "--test"],
    xz: ["xz", "--test"],
    zst: ["zstd", "--test", "--quiet"],
  };
  for (const path of paths)
    await runChecked({ argv: [...(testers[path.split(".").at(-1) ?? ""] ?? ["false"]), indexPath(archive, path)] });
  const python = "import gzip, lzma, sys; a, b = sys.argv[1:]; sys.exit(gzip.open(a).read() != lzma.open(b).read())";
  for (const path of paths.filter((each) => each.endsWith(".gz"))) {
    await runChecked({
      argv: ["python3", "-c", python, indexPath(archive, path), indexPath(archive, path.replace(/gz$/, "xz"))],
    });
  }
});

test.each(["gz", "xz", "zst"])(
  "apt reads each index as %s, and finds long descriptions in Translation-en",
  async (form) => {
    const archive = await open(distributionSettings(UNSTABLE, { compressions: ["zst"] }));
    await archive.install(UNSTABLE, { debs: [await makeDeb(scratchPath, { name: "hello" })] });
    await archive.archive.untilPublished();
    const uri = `file:${archive.homePath}/repositories/test`;
    const armoredKey = archive.key.armoredPublicKey();
    const apt = await makeAptRoot({ sources: aptSource({ uri, suites: [UNSTABLE], components: ["main"], armoredKey }) });
    try {
      const options = [
        `-o=Acquire::CompressionTypes::Order::=${form}`,
        "-o=Acquire::Languages=en",
        "-o=Acquire::GzipIndexes=true",
      ];
      await apt.must("apt-get", ...options, "update");

      const shown = await apt.must("apt-cache", "-o=Acquire::Languages=en", "show", "hello");
      expect(shown).toMatch(/^Description-en: package hello of a test\n Long text\.$/m);
      const { stdout } = await runChecked({ argv: ["xz", "-dc", indexPath(archive, "main/binary-amd64/Packages.xz")] });
      expect(stdout.toString()).not.toContain("Long text");
    } finally {
      await apt.dispose();
    }
  },
  60_000,
);

test("a Release that is valid for a time is signed again after a third of it, and snapshots of it do not end", async () => {
  const clock = new ManualClock(new Date("2026-11-22T13:00:00Z"));
  const archive = await open(distributionSettings(UNSTABLE, { validForMs: 6 * DAY_MS }), { clock });
  await archive.archive.untilPublished();
  const release = (): Promise<string> => readFile(indexPath(archive, "Release"), "utf8");
  expect(await release()).toContain("\nValid-Until: Sat, 28 Nov 2026 13:00:00 UTC\n");

  clock.advance(2 * DAY_MS - 1000);
  expect(await archive.database.transaction((tx) => resignDistributions(tx))).toEqual([]);
  clock.advance(1000);
  expect(await archive.database.transaction((tx) => resignDistributions(tx))).toEqual([UNSTABLE]);
  await archive.archive.untilPublished();

  expect(await release()).toContain("\nDate: Tue, 24 Nov 2026 13:00:00 UTC\nValid-Until: Mon, 30 Nov 2026 13:00:00 UTC\n");
  await archive.archive.namedSnapshots.create({ distribution: UNSTABLE, name: "kept", kind: "manual", by: "test" });
  expect(await readFile(indexPath(archive, "snapshots/kept/Release"), "utf8")).not.toContain("Valid-Until");
});

test("an import of many packages, given or not, stores what is there, and names the file that is damaged", async () => {
  const archive = await open();
  // More than a portion.
  const names = Array.from({ length: 1_100 }, (_, index) => `package-${String(index).padStart(4, "0")}`);
  const debs = await Promise.all(names.map((name) => makeDeb(scratchPath, { name })));
  const paths = debs.map(({ path }) => path);
  for (const areGiven of [false, true]) {
    const imported: string[] = [];
    let portionCount = 0;
    for await (const binaries of importBinaries(archive.archive.contentStore, paths, { homePath: archive.homePath, areGiven })) {
      imported.push(...binaries.map(({ name }) => name));
      portionCount += 1;
      await archive.database.transaction((tx) => installPackages(tx, { distribution: UNSTABLE, binaries, buildinfos: [] }));
    }
    expect(imported).toEqual(names);
    expect(portionCount).toBe(Math.ceil(names.length / PORTION_FILES));
  }
  for (const { sha256, path } of debs) {
    expect(await readFile(archive.archive.contentStore.pathOf(sha256))).toEqual(await readFile(path));
  }

  const [half] = debs;
  await writeFile(archive.archive.contentStore.pathOf(half?.sha256 ?? ""), "");
  await collect(importBinaries(archive.archive.contentStore, paths.slice(0, 40), { homePath: archive.homePath }));
  expect((await readFile(archive.archive.contentStore.pathOf(half?.sha256 ?? ""))).length).toBe(half?.sizeBytes);

  const damaged = join(scratchPath, "damaged_1.0-1_all.deb");
  await runChecked({ argv: ["truncate", "--size=100", damaged] });
  const rest = importBinaries(archive.archive.contentStore, [...paths, damaged], { homePath: archive.homePath });
  await expect(collect(rest)).rejects.toMatchObject({ code: "DEB_INVALID" });
}, 60_000);

test("an import that is given up after its first portion ends, and what it stored is whole", async () => {
  const archive = await open();
  const names = Array.from({ length: 2_100 }, (_, index) => `package-${String(index).padStart(4, "0")}`);
  const debs = await Promise.all(names.map((name) => makeDeb(scratchPath, { name })));
  const paths = debs.map(({ path }) => path);
  const { contentStore } = archive.archive;

  for await (const binaries of importBinaries(contentStore, paths, { homePath: archive.homePath, areGiven: true })) {
    expect(binaries.length).toBe(PORTION_FILES);
    break;
  }

  const stored = debs.filter(({ sha256 }) => existsSync(contentStore.pathOf(sha256)));
  expect(stored.length).toBeGreaterThanOrEqual(PORTION_FILES);
  for (const { sha256, path } of stored) expect(await readFile(contentStore.pathOf(sha256))).toEqual(await readFile(path));
}, 60_000);

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe.each(engines)("indexes on %s", (engine) => {
  const given = useDatabase(engine);

  test("brought up change by change are what they are when made at once, after any history", async () => {
    const { database, location } = given;
    site = await makeTestArchive({ database: { database, location }, isStarted: false });
    const archive = site;
    const settings = distributionSettings(UNSTABLE, { keep: 1, architectures: ["amd64", "arm64"] });
    await archive.ensure(settings);
    const step = fc.record({
      name: fc.constantFrom("aa", "bb", "cc"),
      version: fc.constantFrom("1", "2", "3"),
      isRendered: fc.boolean(),
    });
    const steps = fc.sample(step, { numRuns: 40, seed: 7 });
    const kept = new DistributionIndexes(settings);
    for (const { name, version, isRendered } of steps) {
      const there = await archive.database.read
        .selectFrom("binary_packages as packages")
        .innerJoin("binary_memberships as members", "members.binary_package_id", "packages.id")
        .select("packages.id")
        .where("packages.name", "=", name)
        .where("packages.version", "=", version)
        .where("members.valid_to", "is", null)
        .executeTakeFirst();
      if (there === undefined) {
        const files = { "usr/share/common": "x\n", [`usr/share/${name}/${version}`]: "x\n" };
        await archive.install(UNSTABLE, { debs: [await makeDeb(scratchPath, { name, version, files })] });
      } else {
        await database.transaction((tx) => removeSourceVersion(tx, { distribution: UNSTABLE, source: name, version }));
      }
      if (!isRendered) continue;

      const { change } = await loadDistribution(database.read, UNSTABLE);
      await kept.update(database.read, change);
      const fresh = new DistributionIndexes(settings);
      await fresh.update(database.read, change);
      expect(describeIndexes(kept)).toEqual(describeIndexes(fresh));
    }
    expect(describeIndexes(kept).length).toBeGreaterThan(2);
  }, 60_000);

  test("brought up by a change of more packages than a portion has, they are what they are when made at once", async () => {
    const { database, location } = given;
    site = await makeTestArchive({ database: { database, location }, isStarted: false });
    const archive = site;
    const settings = distributionSettings(UNSTABLE, { keep: 0 });
    await archive.ensure(settings);
    const shared = { "usr/share/common": "x\n" };
    const make = (name: string, version: string): Promise<MadeFile> => makeDeb(scratchPath, { name, version, files: shared });
    // Both are among the first names of the large change; one goes with it, and one is replaced.
    await archive.install(UNSTABLE, { debs: [await make("going", "1"), await make("staying", "1")] });
    const kept = new DistributionIndexes(settings);
    await kept.update(database.read, (await loadDistribution(database.read, UNSTABLE)).change);

    const names = Array.from({ length: PORTION_NAMES + 20 }, (_, index) => `package-${String(index).padStart(4, "0")}`);
    const debs = [...(await Promise.all(names.map((name) => make(name, "1")))), await make("staying", "2")];
    const imported = importBinaries(
      archive.archive.contentStore,
      debs.map(({ path }) => path),
      { homePath: archive.homePath },
    );
    const binaries = (await collect(imported)).flat();
    await database.transaction((tx) => installPackages(tx, { distribution: UNSTABLE, binaries, buildinfos: [] }));
    await database.transaction((tx) => removeSourceVersion(tx, { distribution: UNSTABLE, source: "going", version: "1" }));

    const { change } = await loadDistribution(database.read, UNSTABLE);
    await kept.update(database.read, change);
    const fresh = new DistributionIndexes(settings);
    await fresh.update(database.read, change);
    expect(describeIndexes(kept)).toEqual(describeIndexes(fresh));
    const packages = kept.files.find(({ path }) => path === "main/binary-amd64/Packages");
    const text = packages?.index.chunks.map((chunk) => chunkBytes(chunk).toString()).join("") ?? "";
    expect(text.match(/^Package: .*$/gm)).toHaveLength(names.length + 1);
  }, 60_000);
});

function describeIndexes(indexes: DistributionIndexes): unknown[] {
  return indexes.files.map((file) => [
    file.path,
    file.index.chunks.map((chunk) => chunkBytes(chunk).toString()).join(""),
    file.forms(indexes).map(({ sizeBytes, sha256, sha512 }) => [sizeBytes, sha256, sha512]),
  ]);
}
