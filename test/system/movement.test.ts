import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Archive, type ImportedBinary, importBinary, importDsc, installPackages } from "../../src/archive/index.ts";
import { openDatabase } from "../../src/database/index.ts";
import { defaultLimits, type EndedCommand, silentLogger, systemClock } from "../../src/runtime/index.ts";
import { type AptRoot, aptSource, makeAptRoot } from "../support/apt.ts";
import { distributionSettings, makeTestArchive, type TestArchive } from "../support/archive.ts";
import { Daemon } from "../support/daemon.ts";
import { NetworkCaller } from "../support/network-caller.ts";
import { type DebOptions, makeDeb, makeSource } from "../support/packages.ts";

/**
 * Packages on their way through the suites, by the commands that people use, as apt sees it. The base release is a
 * small archive of this test's own; the daemon starts with packages in unstable that nobody had to build.
 */
let scratchPath: string;
let base: TestArchive;
let daemon: Daemon;
let apt: AptRoot;

const UNSTABLE = "bookworm-test-unstable";
const TESTING = "bookworm-test-testing";
const STABLE = "bookworm-test-stable";

beforeAll(async () => {
  scratchPath = await mkdtemp(join(tmpdir(), "mbd-movement-"));
  base = await makeTestArchive();
  await base.ensure(distributionSettings("bookworm"));
  await base.install("bookworm", { debs: [await makeDeb(scratchPath, { name: "libbase", version: "1.0-1" })] });
  await base.archive.untilPublished();

  daemon = await Daemon.make({ catalog: catalog(), configuration: "[builder]\nparallel = 0\n" });
  await daemon.start();
  await daemon.apply();
  await daemon.stop();
  await seed("libfoo", "1.0-1", [{ name: "libfoo1", fields: { Depends: "libbase" } }]);
  await seed("app", "1.0-1", [{ architecture: "amd64", fields: { Depends: "libfoo1 (<< 2)" } }]);
  await seed("hello", "1.0-1");
  await daemon.start();

  const key = await (await daemon.get("/api/v1/pub-key")).json();
  apt = await makeAptRoot({
    sources: source(key as string, [UNSTABLE, TESTING, STABLE, `${UNSTABLE}-rollback0`, `${STABLE}-rollback5`]),
  });
}, 120_000);

afterAll(async () => {
  await apt?.dispose();
  await daemon?.remove();
  await base?.dispose();
  await rm(scratchPath, { recursive: true, force: true });
});

function catalog(): string {
  return [
    "[archive-sources.own]",
    `uris = ["file:${base.homePath}/repositories/test"]`,
    'suites = ["bookworm"]',
    `signed-by = """\n${base.key.armoredPublicKey()}"""`,
    "[codenames.bookworm]",
    'base = "own"',
    'architectures = ["amd64"]',
    "[layouts.ours]",
    ...suite("stable", 6, "apt-priority = 250"),
    ...suite("testing", 3, 'migrates-to = "stable"'),
    ...suite("unstable", 2, "uploadable = true", 'migrates-to = "testing"', "rollbacks = 1"),
    "[repositories.test]",
    'layout = "ours"',
    'codenames = ["bookworm"]',
    'uploads = "unsigned"',
    "",
  ].join("\n");
}

function suite(name: string, keep: number, ...lines: readonly string[]): string[] {
  return [`[layouts.ours.suites.${name}]`, `keep = ${keep}`, ...lines];
}

function source(key: string, suites: string[]): string {
  return aptSource({ uri: `${daemon.url}/repositories/test`, suites, components: ["main"], armoredKey: key });
}

/** As the packager installs what was built; the daemon does not run. */
async function seed(name: string, version: string, debs: readonly DebOptions[] = [{}]): Promise<void> {
  const location = { kind: "sqlite", path: join(daemon.home, "database/mini-buildd.sqlite") } as const;
  const common = { clock: systemClock, logger: silentLogger };
  const database = await openDatabase(location, common);
  const sign = () => Promise.reject(new Error("nothing is published here"));
  const archive = new Archive({ ...common, database, location, homePath: daemon.home, limits: defaultLimits, sign });
  try {
    const path = join(scratchPath, name, version);
    const architecture = debs.map((deb) => deb.architecture ?? "all").join(" ");
    const made = await makeSource(path, { name, version, architecture });
    const files = await Promise.all(made.files.map((file) => archive.contentStore.importFile(file.path, file)));
    const dsc = await importDsc(archive.contentStore, made.dsc.path, made.dsc);
    const binaries: ImportedBinary[] = [];
    for (const options of debs) {
      const deb = await makeDeb(path, { name, version, source: `${name} (${version})`, ...options });
      binaries.push(await importBinary(archive.contentStore, deb.path, deb));
    }
    await database.transaction((tx) =>
      installPackages(tx, { distribution: UNSTABLE, source: { dsc, files }, binaries, buildinfos: [] }),
    );
  } finally {
    await archive.stop();
    await database.close();
  }
}

async function install(name: string, version: string, debs?: readonly DebOptions[]): Promise<void> {
  await daemon.stop();
  await seed(name, version, debs);
  await daemon.start();
}

async function run(...args: string[]): Promise<EndedCommand> {
  return daemon.tryCommand(...args);
}

/** Versions of a package that apt offers from a distribution, newest first. */
async function offered(name: string, distribution: string): Promise<string[]> {
  const table = await apt.must("apt-cache", "madison", name);
  const rows = table.split("\n").map((line) => line.split("|").map((part) => part.trim()));
  return rows.filter(([, , from]) => from?.includes(` ${distribution}/main amd64`)).map(([, version = ""]) => version);
}

/** Until the last change is what apt sees. */
async function update(): Promise<void> {
  await untilPublished();
  await apt.must("apt-get", "update");
}

async function untilPublished(): Promise<void> {
  const newestId = (await daemon.events()).at(-1)?.id ?? 0;
  const pending = new Set<string | null>();
  await daemon.waitFor("the end of all publications", ({ id, type, distribution, data }) => {
    if (type === "publication-state" && data["to"] === "pending") pending.add(distribution);
    if (type === "publication-state" && data["to"] === "published") pending.delete(distribution);
    return id >= newestId && pending.size === 0;
  });
}

test("a preview tells what comes and what would break, and the migration is refused with the reasons", async () => {
  const shown = await run("migration-preview", "app", UNSTABLE);
  const refused = await run("migrate", "app", UNSTABLE);

  expect(shown.stdout.toString()).toContain("app 1.0-1 needs libfoo1 (<< 2), which nothing there satisfies");
  expect(shown.stdout.toString()).toContain(`comes to ${TESTING}`);
  expect(refused.exitCode).toBe(5);
  expect(refused.stderr.toString()).toContain("app 1.0-1 (amd64) could not be installed");
  expect(refused.stderr.toString()).toContain("MIGRATION_REFUSED");
});

test("what is migrated is what apt installs from the next suite, up to the last one", async () => {
  expect((await run("migrate", "libfoo", UNSTABLE, "--full")).stdout.toString()).toContain(`${TESTING} → ${STABLE}`);
  await run("migrate", "app", UNSTABLE);
  await update();

  expect(await offered("libfoo1", STABLE)).toEqual(["1.0-1"]);
  expect(await offered("app", TESTING)).toEqual(["1.0-1"]);
  expect(await offered("app", STABLE)).toEqual([]);
  await apt.must("apt-get", "download", `app/${TESTING}`);
  const shown = (await (await daemon.get("/mini_buildd/api/show/?source=app&output=json")).json()) as Shown;
  expect(shown["test"]?.[UNSTABLE]).toMatchObject({ migrates_to: TESTING, is_migrated: true });
  expect(shown["test"]?.[TESTING]).toMatchObject({ migrates_to: STABLE, is_migrated: false, rollbacks: {} });
});

type Shown = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

test("a library that would take its users' ground away waits for them", async () => {
  await install("libfoo", "2.0-1", [{ name: "libfoo1", fields: { Depends: "libbase" } }]);
  await run("migrate", "libfoo", UNSTABLE, "--force");
  expect((await daemon.events()).some(({ type, data }) => type === "MIGRATED" && (data["overridden"] as []).length > 0)).toBe(
    true,
  );
  await run("undo", TESTING);

  await install("app", "2.0-1", [{ architecture: "amd64", fields: { Depends: "libfoo1 (>= 2)" } }]);
  const refused = await run("migrate", "libfoo", UNSTABLE);
  expect(refused.stderr.toString()).toContain("app 2.0-1 waits below");
});

test("kept versions are visible, by version and as rollback distributions; views are read-only", async () => {
  await install("hello", "1.0-2");
  await install("hello", "1.0-3");
  await update();

  expect(await offered("hello", UNSTABLE)).toEqual(["1.0-3", "1.0-2", "1.0-1"]);
  expect(await offered("hello", `${UNSTABLE}-rollback0`)).toEqual(["1.0-2"]);
  await apt.must("apt-get", "download", "hello=1.0-1");
  const ls = await run("ls", "hello");
  expect(ls.stdout.toString()).toMatch(/unstable-rollback0 +1\.0-2/);
  const refused = await run("remove", "hello", `${UNSTABLE}-rollback0`);
  expect(refused.stderr.toString()).toContain("DISTRIBUTION_READ_ONLY");
  const sources = await run("sources-list", "--rollbacks", "9", "--suites", "unstable,testing");
  expect(sources.stdout.toString().match(/unstable-rollback/g)).toHaveLength(1);
  expect(sources.stdout.toString().match(/testing-rollback/g)).toHaveLength(3);
});

test("removing, restoring and undoing are each one publication with a later Date", async () => {
  const dates = [await releaseDate()];
  for (const args of [
    ["remove", "hello", UNSTABLE],
    ["undo", UNSTABLE],
    ["restore", "hello", UNSTABLE, "1.0-1"],
    ["restore", "hello", UNSTABLE, "1.0-3"],
  ]) {
    expect((await run(...args)).exitCode).toBe(0);
    await update();
    dates.push(await releaseDate());
  }

  expect(dates).toEqual([...new Set(dates)].sort((a, b) => a - b));
  expect(dates).toHaveLength(5);
  expect(await offered("hello", UNSTABLE)).toEqual(["1.0-3", "1.0-1"]);
  expect(await offered("hello", `${UNSTABLE}-rollback0`)).toEqual(["1.0-1"]);
});

async function releaseDate(): Promise<number> {
  const text = await (await daemon.get(`/repositories/test/dists/${UNSTABLE}/Release`)).text();
  return Date.parse(/^Date: (.*)$/m.exec(text)?.[1] ?? "");
}

test("advised priorities are what apt uses when the file is there", async () => {
  const file = await daemon.command("apt-preferences");
  await writeFile(join(apt.path, "etc/preferences.d/mini-buildd"), file);

  const policy = await apt.must("apt-cache", "policy");

  expect(policy).toMatch(new RegExp(`250 .* ${STABLE}/main`));
  expect(policy).toMatch(new RegExp(`100 .* ${TESTING}/main`));
  expect(policy).toMatch(new RegExp(`1 .* ${UNSTABLE}-rollback0/main`));
});

test("over the network nobody moves anything without a right to", async () => {
  for (const call of ["migrate", "remove", "migration_preview"]) {
    const query = `source=hello&distribution=${UNSTABLE}&confirm=${call}&output=json`;
    expect((await daemon.get(`/mini_buildd/api/${call}/?${query}`)).status).toBe(401);
  }
});

test("with a right to, everything goes over the network too, by a token and by the original's calls", async () => {
  const root = await NetworkCaller.make(daemon, "root", "admin");
  const hello = { source: "hello", distribution: UNSTABLE };

  const preview = await (await root.ask("migration-preview", { ...hello, full: "true" })).json();
  expect(preview).toMatchObject({
    version: "1.0-3",
    problems: [],
    hops: [TESTING, STABLE].map((to) => ({ to, comes: [{ name: "hello", version: "1.0-3", architecture: "all" }], breaks: [] })),
  });
  expect((await root.call("migrate", { ...hello, full: "True" })).status).toBe(200);
  await update();
  expect([await offered("hello", TESTING), await offered("hello", STABLE)]).toEqual([["1.0-3"], ["1.0-3"]]);

  const refused = await root.change("migrate", { ...hello, version: "1.0-1" });
  expect(refused.status).toBe(409);
  expect(await refused.json()).toMatchObject({
    code: "MIGRATION_REFUSED",
    detail: expect.stringContaining(`${TESTING} has the newer hello 1.0-3`),
  });
  const forced = await (await root.change("migrate", { ...hello, version: "1.0-1", force: true })).json();
  expect(forced).toMatchObject({ overridden: [{ code: "MIGRATION_TARGET_NEWER", distribution: TESTING }] });
  expect((await root.call("remove", { ...hello, distribution: STABLE })).status).toBe(200);
  await update();
  expect([await offered("hello", TESTING), await offered("hello", STABLE)]).toEqual([["1.0-1"], []]);

  expect(await (await root.change("undo", { distribution: STABLE })).json()).toMatchObject({ entered: [{ source: "hello" }] });
  expect(await (await root.change("restore", { ...hello, version: "1.0-1" })).json()).toMatchObject({ left: ["1.0-3"] });
  await update();
  expect([await offered("hello", STABLE), await offered("hello", UNSTABLE)]).toEqual([["1.0-3"], ["1.0-1"]]);
});
