import { lstat, mkdtemp, readdir, readFile, readlink, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { findPublication, PUBLICATION_STATES, removeSourceVersion } from "../../../src/archive/index.ts";
import { type Limits, ManualClock, runChecked } from "../../../src/runtime/index.ts";
import { distributionSettings, makeTestArchive, type TestArchive, type TestArchiveOptions } from "../../support/archive.ts";
import { makeDeb, makeSource } from "../../support/packages.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";
import { type PublishedTree, readPublishedTree } from "../../support/release-tree.ts";

const UNSTABLE = "bookworm-test-unstable";

let scratchPath: string;
let site: TestArchive | undefined;

beforeEach(async () => {
  scratchPath = await mkdtemp(join(tmpdir(), "mbd-publish-"));
});

afterEach(async () => {
  await site?.dispose();
  site = undefined;
  await rm(scratchPath, { recursive: true, force: true });
});

async function open(options: TestArchiveOptions = {}): Promise<TestArchive> {
  site = await makeTestArchive(options);
  await site.ensure(distributionSettings(UNSTABLE));
  return site;
}

function distributionPath(archive: TestArchive, distribution = UNSTABLE): string {
  return join(archive.homePath, "repositories/test/dists", distribution);
}

async function published(archive: TestArchive): Promise<PublishedTree> {
  await archive.archive.untilPublished();
  return readPublishedTree(distributionPath(archive));
}

async function installDeb(archive: TestArchive, name: string, version = "1.0-1"): Promise<void> {
  await archive.install(UNSTABLE, { debs: [await makeDeb(scratchPath, { name, version })] });
}

async function removeAll(archive: TestArchive, name: string, version = "1.0-1"): Promise<void> {
  await archive.database.transaction((tx) => removeSourceVersion(tx, { distribution: UNSTABLE, source: name, version }));
}

/** So that publications need not wait for the clock's next second. */
function fastClock(): ManualClock {
  return new ManualClock(new Date("2026-11-22T13:00:00Z"));
}

test("an empty suite is published with the original's fields and empty indexes", async () => {
  const archive = await open({ clock: new ManualClock(new Date("2026-11-22T13:05:13.9Z")) });

  const tree = await published(archive);

  expect(tree.release.split("\n").slice(0, 12)).toEqual([
    "Origin: Test archive",
    `Label: ${UNSTABLE}`,
    `Suite: ${UNSTABLE}`,
    `Codename: ${UNSTABLE}`,
    "Date: Sun, 22 Nov 2026 13:05:13 UTC",
    "Acquire-By-Hash: yes",
    "Architectures: amd64",
    "Components: main contrib",
    `Description: ${UNSTABLE}`,
    "NotAutomatic: no",
    "SHA256:",
    expect.stringMatching(/^ [0-9a-f]{64} 0 main\/binary-amd64\/Packages$/),
  ]);
  expect(tree.files.map(({ path }) => path)).toEqual(
    ["main", "contrib"].flatMap((component) =>
      ["binary-amd64/Packages", "source/Sources"].flatMap((index) =>
        ["", ".gz", ".xz"].map((suffix) => `${component}/${index}${suffix}`),
      ),
    ),
  );
});

test("our Packages and Sources say what apt-ftparchive says", async () => {
  const archive = await open();
  const source = await makeSource(scratchPath, { name: "libfoo", version: "1:2.0-1", section: "libs" });
  const deb = await makeDeb(scratchPath, {
    name: "libfoo2",
    source: "libfoo",
    version: "1:2.0-1",
    architecture: "amd64",
    section: "libs",
    fields: { Depends: "libc6 (>= 2.3), a | b", "Multi-Arch": "same" },
  });
  await archive.install(UNSTABLE, { source, debs: [deb] });
  await published(archive);

  for (const [command, index] of [
    ["packages", "main/binary-amd64/Packages"],
    ["sources", "main/source/Sources"],
  ] as const) {
    const { stdout } = await runChecked({
      argv: ["apt-ftparchive", "--sha512=no", "-o=APT::FTPArchive::LongDescription=false", command, "pool"],
      cwd: join(archive.homePath, "repositories/test"),
      env: { HOME: scratchPath },
    });
    const ours = await runChecked({ argv: ["xz", "-dc", join(distributionPath(archive), `${index}.xz`)] });
    expect(fieldsOf(ours.stdout.toString())).toEqual(fieldsOf(stdout.toString()));
    expect(ours.stdout.toString()).toMatch(/^Section: libs\nPriority: optional$/m);
  }
});

/** Fields of a single stanza, in order of name, with lists sorted; without those that only one of the programs writes. */
function fieldsOf(stanza: string): string[] {
  const fields = stanza.trim().split(/\n(?=\S)/);
  const sorted = fields.map((field) => {
    const [name = "", ...lines] = field.split("\n");
    return [name.trim(), ...lines.sort()].join("\n");
  });
  return sorted.filter((field) => !/^(Section|Priority)/.test(field)).sort();
}

test("arch:all packages are in the index of every architecture, also of one added later", async () => {
  const archive = await open();
  await installDeb(archive, "data");
  await archive.ensure(distributionSettings(UNSTABLE, { architectures: ["amd64", "arm64"] }));

  const tree = await published(archive);

  expect(await tree.packages("main/binary-amd64")).toEqual(["data 1.0-1"]);
  expect(await tree.packages("main/binary-arm64")).toEqual(["data 1.0-1"]);
  expect(tree.field("Architectures")).toBe("amd64 arm64");
});

test("pool files are hard links with the hashes of the index, and buildinfo files are there", async () => {
  const archive = await open();
  const deb = await makeDeb(scratchPath, { name: "hello" });
  await archive.install(UNSTABLE, {
    debs: [deb],
    buildinfos: [{ file: deb, source: "hello", sourceVersion: "1.0-1" }],
  });
  await published(archive);

  const placed = join(archive.homePath, "repositories/test/pool/main/h/hello/hello_1.0-1_all.deb");
  expect((await stat(placed)).ino).toBe((await stat(archive.archive.contentStore.pathOf(deb.sha256))).ino);
  const { path } = await archive.database.read.selectFrom("buildinfos").select("path").executeTakeFirstOrThrow();
  expect((await stat(join(archive.homePath, "repositories/test", path))).isFile()).toBe(true);
});

test("the tree holds only relative links that stay inside it", async () => {
  const archive = await open();
  await published(archive);

  expect(await readlink(distributionPath(archive))).toMatch(/^\.\.\/generations\/bookworm-test-unstable\/1-\d+$/);
  const byHash = join(distributionPath(archive), "main/binary-amd64/by-hash");
  expect((await lstat(byHash)).isSymbolicLink()).toBe(true);
  expect(await readlink(byHash)).toBe("../../../by-hash/main/binary-amd64");
});

test("each publication has a later Date, which is also the time of its files, even when the clock stands or goes back", async () => {
  const clock = fastClock();
  const archive = await open({ clock });
  const dates: string[] = [];
  for (const [index, step] of [0, 0, -3_600_000, 10_000].entries()) {
    clock.advance(step);
    await installDeb(archive, `p${index}`);
    dates.push((await published(archive)).field("Date") ?? "");
    const { mtime } = await stat(join(distributionPath(archive), "InRelease"));
    expect(mtime.getTime()).toBe(Date.parse(dates.at(-1) ?? ""));
  }

  const times = dates.map((date) => Date.parse(date));
  expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
}, 30_000);

test("a burst of changes becomes few publications, and the last one shows all", async () => {
  const archive = await open();
  await published(archive);

  for (let index = 0; index < 30; index += 1) await installDeb(archive, `p${index}`);

  expect(await (await published(archive)).packages("main/binary-amd64")).toHaveLength(30);
  const publication = await findPublication(archive.database.read, UNSTABLE);
  expect(publication).toMatchObject({ change: 31 });
  expect(publication?.generation).toBeLessThan(10);
});

test("events tell of each state, and every state of the table is reached", async () => {
  const archive = await open();
  await published(archive);

  const events = await archive.database.read.selectFrom("events").select(["type", "data"]).execute();
  const steps = events.map(({ data }) => JSON.parse(data) as { from: string | null; to: string });
  expect(steps.map(({ from, to }) => [from, to])).toEqual([
    [null, "pending"],
    ["pending", "published"],
  ]);
  expect(new Set(steps.map(({ to }) => to))).toEqual(new Set(Object.keys(PUBLICATION_STATES)));
});

test("what is pending when the daemon stops is published after the next start", async () => {
  const archive = await open({ isStarted: false });
  await installDeb(archive, "hello");
  await expect(readFile(join(distributionPath(archive), "Release"))).rejects.toThrow("ENOENT");

  await archive.archive.start();

  expect(await (await published(archive)).packages("main/binary-amd64")).toEqual(["hello 1.0-1"]);
});

test("a publication that fails leaves the previous one, and is tried again", async () => {
  const { logger, lines } = createRecordingLogger();
  const archive = await open({ logger });
  await published(archive);
  const before = await readlink(distributionPath(archive));
  // Not even root can make a file in a file.
  const objectsPath = join(archive.homePath, "repositories/test/generations", UNSTABLE, "by-hash/main/binary-amd64/SHA256");
  await rename(objectsPath, `${objectsPath}.away`);
  await writeFile(objectsPath, "");

  await installDeb(archive, "hello");
  await vi.waitFor(
    () => expect(lines.map(({ message }) => message)).toContain("a publication failed; readers keep the previous one"),
    10_000,
  );
  expect(await readlink(distributionPath(archive))).toBe(before);
  await rm(objectsPath);
  await rename(`${objectsPath}.away`, objectsPath);

  expect(await (await published(archive)).packages("main/binary-amd64")).toEqual(["hello 1.0-1"]);
}, 30_000);

async function objectNames(archive: TestArchive): Promise<string[]> {
  const path = join(archive.homePath, "repositories/test/generations", UNSTABLE, "by-hash/main/binary-amd64");
  return [...(await readdir(join(path, "SHA256"))), ...(await readdir(join(path, "SHA512")))];
}

const RETENTION: Partial<Limits> = { byHashRetentionMs: 10_000, byHashRetentionGenerations: 2, publicationIntervalMsMax: 0 };

test("superseded objects live for their time and number of generations, then go", async () => {
  const clock = fastClock();
  const archive = await open({ clock, limits: RETENTION });
  await published(archive);
  await installDeb(archive, "aa");
  const [packagesOfA] = await listed(archive);

  clock.advance(5_000);
  await installDeb(archive, "bb");
  await published(archive);
  expect(await objectNames(archive)).toContain(packagesOfA);
  await installDeb(archive, "cc");
  await published(archive);
  // Two generations back, but only for 5 s.
  clock.advance(4_000);
  await installDeb(archive, "dd");
  await published(archive);
  expect(await objectNames(archive)).toContain(packagesOfA);

  clock.advance(20_000);
  await installDeb(archive, "ee");
  await published(archive);

  expect(await objectNames(archive)).not.toContain(packagesOfA);
  expect(
    (await archive.database.read.selectFrom("publication_objects").select("sha256").execute()).map((row) => row.sha256),
  ).not.toContain(packagesOfA);
});

async function listed(archive: TestArchive): Promise<string[]> {
  return (await published(archive)).files
    .filter(({ path }) => /binary-amd64\/Packages\.(gz|xz)$/.test(path))
    .map(({ sha256 }) => sha256);
}

test("content that comes back is never deleted: random histories with every retention keep each generation whole", async () => {
  const names = ["aa", "bb", "cc"];
  await Promise.all(names.map((name) => makeDeb(scratchPath, { name })));
  const step = fc.record({ name: fc.constantFrom(...names), advanceMs: fc.constantFrom(0, 3_000, 30_000) });
  const history = fc.record({
    steps: fc.array(step, { minLength: 3, maxLength: 8 }),
    generations: fc.constantFrom(0, 1, 2),
    retentionMs: fc.constantFrom(0, 10_000),
  });

  await fc.assert(
    fc.asyncProperty(history, async ({ steps, generations, retentionMs }) => {
      const clock = fastClock();
      const limits = { byHashRetentionGenerations: generations, byHashRetentionMs: retentionMs, publicationIntervalMsMax: 0 };
      const archive = await open({ clock, limits });
      try {
        const present = new Set<string>();
        for (const { name, advanceMs } of steps) {
          clock.advance(advanceMs);
          if (present.delete(name)) await removeAll(archive, name);
          else await installDeb(archive, name).then(() => present.add(name));

          const tree = await published(archive);
          expect((await tree.packages("main/binary-amd64")).sort()).toEqual([...present].sort().map((each) => `${each} 1.0-1`));
        }
      } finally {
        await archive.dispose();
        site = undefined;
      }
    }),
    { numRuns: 6 },
  );
}, 120_000);

test("only the newest directories of generations stay", async () => {
  const clock = fastClock();
  const archive = await open({ clock, limits: { publicationIntervalMsMax: 0 } });
  for (let index = 0; index < 6; index += 1) {
    clock.advance(1_000);
    await installDeb(archive, `p${index}`);
    await published(archive);
  }

  const names = await readdir(join(archive.homePath, "repositories/test/generations", UNSTABLE));
  expect(names.filter((name) => /^\d/.test(name))).toHaveLength(3);
});

test("a publication is the work of another process than the daemon's", async () => {
  const archive = await open();
  await published(archive);
  const renderer = await findRenderer();
  const names = Array.from({ length: 300 }, (_, index) => `package-${index}`);
  const debs = await Promise.all(names.map((name) => makeDeb(scratchPath, { name })));
  await archive.install(UNSTABLE, { debs });
  const [rendererBefore, threadBefore] = [await processorMs(renderer), process.threadCpuUsage()];

  await archive.archive.untilPublished();

  const ofThread = process.threadCpuUsage(threadBefore).user / 1000;
  expect((await processorMs(renderer)) - rendererBefore).toBeGreaterThan(ofThread);
  await published(archive);
}, 60_000);

/** Our only child that is a process of Node's. */
async function findRenderer(): Promise<string> {
  const threads = await readdir("/proc/self/task");
  const lists = await Promise.all(
    threads.map((thread) => readFile(`/proc/self/task/${thread}/children`, "utf8").catch(() => "")),
  );
  for (const child of lists.join(" ").split(" ")) {
    const command = await readFile(`/proc/${child}/cmdline`, "utf8").catch(() => "");
    if (command.includes("render-process")) return child;
  }
  throw new Error("nobody renders");
}

/** What a process has used: user and system, in ticks of 10 ms. */
async function processorMs(pid: string): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).replace(/^.*\) /, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
