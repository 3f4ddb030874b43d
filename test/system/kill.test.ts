import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PUBLICATION_STATES } from "../../src/archive/index.ts";
import { BUILD_STEPS } from "../../src/buildorder/index.ts";
import { BUILD_STATES } from "../../src/farm/index.ts";
import { fieldValue, parseDeb822Stanzas } from "../../src/formats/index.ts";
import { UPLOAD_STATES } from "../../src/packager/index.ts";
import { runChecked } from "../../src/runtime/index.ts";
import { Daemon, hostArchitecture, hostCodename } from "../support/daemon.ts";
import { leftovers } from "../support/leftovers.ts";
import { makeSourcePackage, type SourceTreeOptions } from "../support/source-tree.ts";

/** "upload checking", "build leased", "publication pending", "step build": from the program's own tables. */
const ALL_MOMENTS: readonly string[] = [
  ...Object.keys(UPLOAD_STATES).map((state) => `upload ${state}`),
  ...Object.keys(BUILD_STATES).map((state) => `build ${state}`),
  ...Object.keys(PUBLICATION_STATES).map((state) => `publication ${state}`),
  ...BUILD_STEPS.map((step) => `step ${step}`),
  "compiler",
];
const TRIES_MAX = 12;
/** The job worker's own number. */
const UPLOADS_CHECKED_AT_ONCE = 4;
const BUILDS_AT_ONCE = 2;
const CHECKED_FOR_LONG_BYTES = 192 * 1024 ** 2;

type Ending = "INSTALLED" | "REJECTED" | "FAILED";

let daemon: Daemon;
let distribution: string;
let suffix: string;
const hit = new Map<string, number>();
const expected = new Map<string, Ending>();

beforeAll(async () => {
  const codename = await hostCodename();
  distribution = `${codename}-test-unstable`;
  daemon = await Daemon.make({
    configuration: `[builder]\nparallel = ${BUILDS_AT_ONCE}\n[limits]\nbuildLossesMax = 1000\n`,
    sharesLayers: true,
  });
  await daemon.start();
  await daemon.apply();
  suffix = await versionSuffix(codename);
  // The base layer first, so that each round is short.
  await upload(round("warm", {}), "INSTALLED");
  await daemon.waitForEnd("mbd-kill-warm", `1.0${suffix}`);
});

afterAll(async () => {
  await daemon.remove();
});

test("a kill in any state of any machine, in any step, and while the compiler runs, loses nothing and does nothing twice", async () => {
  for (const moment of ALL_MOMENTS) await killUntilHit(moment);
  for (const source of expected.keys()) await daemon.waitForEnd(source, expectedVersion(source));
  await untilPublished();

  expect([...hit.keys()].sort()).toEqual([...ALL_MOMENTS].sort());
  await expectEveryUploadOnce();
  await daemon.stop();
  expect(await leftovers(daemon.home)).toEqual([]);
});

/** Upload, kill, look what was hit, start again, wait for the end; again until the moment itself was hit. */
async function killUntilHit(moment: string): Promise<void> {
  for (let tries = 1; !hit.has(moment); tries += 1) {
    if (tries > TRIES_MAX) throw new Error(`no kill in ${TRIES_MAX} hit "${moment}"; hit so far: ${[...hit.keys()].join(", ")}`);
    const name = `${moment.replaceAll(" ", "-")}-${tries}`;
    const source = `mbd-kill-${name}`;
    const { options, ending } = scenario(moment, name);

    const killer = await watch(killMoment(moment, source));
    await upload(options, ending, async () => {
      if (moment === "upload received") await occupyCheckers(name);
      if (moment === "build waiting") await occupyBuilder(name);
    });
    if (moment === "build cancelled") await cancelOnceLeased(source);
    await killer.done;
    await daemon.ended();
    if (moment === "build lost") await killAgainWhenLeased(source);
    for (const state of statesAtDeath(source)) hit.set(state, (hit.get(state) ?? 0) + 1);
    if (moment === "compiler") hit.set("compiler", 1);

    await daemon.start();
    const end = await daemon.waitForEnd(source, options.version);
    if (end.type !== ending)
      throw new Error(
        `${source} ended as ${end.type}: ${JSON.stringify(end.data)}\n${daemon.log.split("\n").slice(-30).join("\n")}`,
      );
    if (ending === "INSTALLED") await untilPublished();
  }
}

/** The attempt that the first kill interrupted is lost from the start on. */
async function killAgainWhenLeased(source: string): Promise<void> {
  await daemon.start();
  // It may have been leased again before anybody could watch: events since the very first count.
  const killer = await watch({ type: "build-state", source, data: { to: "leased", attempt: 2 }, delayMs: 100 }, 0);
  await killer.done;
  await daemon.ended();
}

function scenario(moment: string, name: string): { options: SourceTreeOptions; ending: Ending } {
  const big = { "data.bin": randomBytes((moment === "step deliver" ? 96 : 24) * 1024 ** 2) };
  const installBig = ["install -D -m 644 data.bin debian/tmp/usr/share/mbd/data.bin"];
  if (moment === "upload rejected") return { options: { ...round(name, {}), version: "1.0" }, ending: "REJECTED" };
  if (moment === "upload failed") return { options: round(name, { recipe: ["false"] }), ending: "FAILED" };
  if (moment === "build cancelled") return { options: round(name, { recipe: ["sleep 600"] }), ending: "FAILED" };
  if (moment === "step build") return { options: round(name, { recipe: ["sleep 1"] }), ending: "INSTALLED" };
  if (moment === "compiler") return { options: round(name, compiled()), ending: "INSTALLED" };
  return { options: round(name, { files: big, recipe: installBig }), ending: "INSTALLED" };
}

function round(name: string, more: Partial<SourceTreeOptions>): SourceTreeOptions {
  return {
    name: `mbd-kill-${name}`,
    version: `1.0${suffix}`,
    distribution,
    changelogLines: ["MINI_BUILDD_OPTION: lintian-mode=ignore"],
    ...more,
  };
}

/** Enough C that the compiler runs for some seconds. */
function compiled(): Partial<SourceTreeOptions> {
  const functions = Array.from(
    { length: 4_000 },
    (_, index) => `int f${index}(int a, int b) { for (int i = 0; i < b; i++) a += i * ${index} ^ b; return a; }`,
  );
  return {
    architecture: "any",
    files: { "long.c": `${functions.join("\n")}\nint main(void) { return f1(0, 0); }\n` },
    recipe: ["cc -O2 -o long long.c", "install -D -m 755 long debian/tmp/usr/bin/long"],
  };
}

function killMoment(moment: string, source: string): object {
  const [machine = "", state = ""] = moment.split(" ");
  if (machine === "compiler") return { program: "cc1" };
  if (machine === "step")
    return { type: "build-step", source, data: { step: state, type: "started" }, delayMs: state === "build" ? 500 : 0 };
  if (moment === "publication published") return { type: "publication-state", data: { to: "published" } };
  if (machine === "publication") return { type: "publication-state", data: { to: state } };
  // Lost is what a leased build becomes at the start after a kill: then it is killed again.
  if (moment === "build lost") return { type: "build-state", source, data: { to: "leased" } };
  return { type: `${machine}-state`, source, data: { to: state } };
}

/** Start a killer; resolves when it watches. `done` resolves when it has killed. */
async function watch(moment: object, afterId?: number): Promise<{ readonly done: Promise<void> }> {
  const after = afterId ?? (await daemon.events()).at(-1)?.id ?? 0;
  const script = resolve(import.meta.dirname, "../support/killer.ts");
  const child = spawn(process.execPath, [script, daemon.url, String(daemon.pid), String(after), JSON.stringify(moment)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = once(child, "exit");
  await once(child.stdout, "data");
  const done = exit.then(([code]) => {
    if (code !== 0) throw new Error(`the killer failed (${String(code)})`);
  });
  return { done };
}

async function upload(options: SourceTreeOptions, ending: Ending, justBefore?: () => Promise<void>): Promise<void> {
  const changesPath = await makeSourcePackage(daemon.scratch, options);
  await justBefore?.();
  expected.set(options.name, ending);
  // The kill may come while dput still waits for its last answer: what it had sent by then is what counts.
  await daemon.dput(changesPath).catch(() => {});
}

/**
 * While every worker is busy with checking something large, a further upload stays "received" for a moment. What they
 * check is large only: it is rejected in the end, and needs no build.
 */
async function occupyCheckers(name: string): Promise<void> {
  const content = Buffer.alloc(CHECKED_FOR_LONG_BYTES);
  const digests = { md5: digest("md5", content), sha1: digest("sha1", content), sha256: digest("sha256", content) };
  const sources = Array.from({ length: UPLOADS_CHECKED_AT_ONCE }, (_, index) => `mbd-kill-${name}-${index}`);
  for (const source of sources) {
    await daemon.put(`${source}_1.0.tar.gz`, content);
    expected.set(source, "REJECTED");
  }
  for (const source of sources) await daemon.put(`${source}_1.0_source.changes`, Buffer.from(largeChanges(source, digests)));
  const areBusy = new Set<string>();
  await daemon.waitFor("all workers are checking", (event) => {
    if (event.type === "upload-state" && event.data["to"] === "checking" && sources.includes(event.source ?? ""))
      areBusy.add(event.source ?? "");
    return areBusy.size === sources.length;
  });
}

/** While the builder has its hands full, a further build waits. */
async function occupyBuilder(name: string): Promise<void> {
  const sources: string[] = [];
  for (let index = 0; index < BUILDS_AT_ONCE; index += 1) {
    const options = round(`${name}-${index}`, { recipe: ["sleep 12"] });
    await upload(options, "INSTALLED");
    sources.push(options.name);
  }
  const areLeased = new Set<string>();
  await daemon.waitFor("the builder is busy", (event) => {
    if (event.type === "build-step" && event.data["step"] === "build" && sources.includes(event.source ?? ""))
      areLeased.add(event.source ?? "");
    return areLeased.size === sources.length;
  });
}

function largeChanges(source: string, digests: { md5: string; sha1: string; sha256: string }): string {
  const file = `${CHECKED_FOR_LONG_BYTES} ${source}_1.0.tar.gz`;
  const listed = `${CHECKED_FOR_LONG_BYTES} misc optional ${source}_1.0.tar.gz`;
  return `Format: 1.8
Date: Sun, 22 Nov 2026 12:00:00 +0000
Source: ${source}
Architecture: source
Version: 1.0
Distribution: ${distribution}
Urgency: medium
Maintainer: Mini Buildd Tests <tests@example.org>
Description:
Changes:
 ${source} (1.0) ${distribution}; urgency=medium
Checksums-Sha1:
 ${digests.sha1} ${file}
Checksums-Sha256:
 ${digests.sha256} ${file}
Files:
 ${digests.md5} ${listed}
`;
}

function digest(algorithm: string, content: Uint8Array): string {
  return createHash(algorithm).update(content).digest("hex");
}

async function cancelOnceLeased(source: string): Promise<void> {
  const leased = await daemon.waitFor(
    `${source} is leased`,
    (event) => event.source === source && event.type === "build-state" && event.data["to"] === "leased",
  );
  await daemon.command("cancel", leased.build ?? "").catch(() => {});
}

async function untilPublished(): Promise<void> {
  const isPending = (): boolean => query("select 1 from publications where state = 'pending'").length > 0;
  if (!isPending()) return;
  await daemon.waitFor(
    "publication",
    (event) => event.type === "publication-state" && event.data["to"] === "published" && !isPending(),
  );
}

/** Read from the database of the dead daemon. */
function statesAtDeath(source: string): string[] {
  const states = [
    ...query("select 'upload ' || state as state from uploads where source = ?", source),
    ...query("select 'build ' || b.state as state from builds b join uploads u on u.id = b.upload_id where u.source = ?", source),
    ...query("select 'publication ' || state as state from publications where distribution = ?", distribution),
    ...query(
      `select 'step ' || s.step as state from build_steps s join builds b on b.id = s.build_id join uploads u on u.id = b.upload_id
       where u.source = ? and b.state = 'leased' and s.ended_at is null`,
      source,
    ),
  ];
  return states.map((row) => row["state"] as string);
}

function query(sql: string, ...parameters: string[]): Record<string, unknown>[] {
  const database = new DatabaseSync(join(daemon.home, "database", "mini-buildd.sqlite"), { readOnly: true });
  try {
    return database.prepare(sql).all(...parameters);
  } finally {
    database.close();
  }
}

function expectedVersion(source: string): string {
  return expected.get(source) === "REJECTED" ? "1.0" : `1.0${suffix}`;
}

/** As clients see it: one end per upload, one INSTALLED and one version in Packages for what was installed. */
async function expectEveryUploadOnce(): Promise<void> {
  const ends = (await daemon.events()).filter((event) => ["INSTALLED", "REJECTED", "FAILED"].includes(event.type));
  const architecture = await hostArchitecture();
  const index = await daemon.get(`/repositories/test/dists/${distribution}/main/binary-${architecture}/Packages.gz`);
  const unpacked = await runChecked({ argv: ["gzip", "-dc"], input: Buffer.from(await index.arrayBuffer()) });
  const packages = parseDeb822Stanzas(unpacked.stdout).map((stanza) => fieldValue(stanza, "Package"));

  const observed = [...expected.keys()].map((source) => ({
    source,
    ends: ends.filter((event) => event.source === source).map((event) => event.type),
    versions: packages.filter((name) => name === source).length,
  }));
  expect(observed).toEqual(
    [...expected].map(([source, ending]) => ({ source, ends: [ending], versions: ending === "INSTALLED" ? 1 : 0 })),
  );
}

async function versionSuffix(codename: string): Promise<string> {
  const release = await readFile("/etc/os-release", "utf8");
  const number = /^VERSION_ID="?([0-9]+)/m.exec(release)?.[1];
  return number === undefined ? `~test~${codename.toUpperCase()}+1` : `~test${number}+1`;
}
