import { setTimeout as delay } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { fieldValue, parseDeb822Stanzas } from "../../src/formats/index.ts";
import { runChecked } from "../../src/runtime/index.ts";
import { type Daemon, hostArchitecture, hostCodename, hostVersionSuffix } from "./daemon.ts";
import { leftovers } from "./leftovers.ts";
import { makeSourcePackage } from "./source-tree.ts";

export interface StormOptions {
  readonly kills: number;
  /** The same seed kills after the same delays. */
  readonly seed: number;
  readonly onKill?: (index: number, delayMs: number) => void;
}

export interface StormReport {
  readonly uploads: number;
  /** Builds that a kill interrupted. */
  readonly lostBuilds: number;
  /** What is wrong, one line each. */
  readonly problems: readonly string[];
  readonly storeBytesBefore: number;
  readonly storeBytesAfter: number;
}

/** The longest time between an upload and the kill; a trivial package takes about as long on a quiet machine. */
const DELAY_MS_MAX = 6_000;
/** What is uploaded beside a build that is interrupted again and again. */
const TRIES_MAX = 5;
/** Uploads that may be on their way at once. */
const BACKLOG_MAX = 3;
const PATIENCE_MS = 60 * 60 * 1000;

/** A stream of uploads to a daemon that is killed at random moments; then it is left alone, and all is counted. */
export async function killStorm(daemon: Daemon, { kills, seed, onKill }: StormOptions): Promise<StormReport> {
  const random = generator(seed);
  const codename = await hostCodename();
  const distribution = `${codename}-test-unstable`;
  const version = `1.0${await hostVersionSuffix()}`;
  const make = (name: string): Promise<string> =>
    makeSourcePackage(daemon.scratch, {
      name,
      version,
      distribution,
      architecture: "any",
      recipe: ["sleep 1"],
      changelogLines: ["MINI_BUILDD_OPTION: lintian-mode=ignore"],
    });

  // The layers first: they stay.
  await daemon.dput(await make("mbd-storm-first"));
  await daemon.waitForEnd("mbd-storm-first", version);
  const storeBytesBefore = await storeBytes(daemon);

  const sources = ["mbd-storm-first"];
  for (let index = 1; index <= kills; index += 1) {
    // Kills come faster than builds end: without a pause now and then nothing would be left but waiting builds.
    if (sources.length > BACKLOG_MAX) await untilEnded(daemon, sources[sources.length - BACKLOG_MAX] ?? "");
    const source = `mbd-storm-${index}`;
    const changesPath = await make(source);
    const delayMs = Math.floor(random() * DELAY_MS_MAX);
    const uploading = daemon.dput(changesPath).then(
      () => true,
      () => false,
    );
    await delay(delayMs);
    await daemon.end("SIGKILL");
    onKill?.(index, delayMs);
    const isUploaded = await uploading;
    await daemon.start();
    if (!isUploaded) await uploadAgain(daemon, changesPath);
    sources.push(source);
  }

  for (const source of sources) await untilEnded(daemon, source);
  const problems = await countEverything(daemon, { sources, distribution });
  const lostBuilds = (await daemon.events()).filter(({ type, data }) => type === "build-state" && data["to"] === "lost").length;
  await daemon.stop();
  problems.push(...(await leftovers(daemon.home)));
  return { uploads: sources.length, lostBuilds, problems, storeBytesBefore, storeBytesAfter: await storeBytes(daemon) };
}

async function untilEnded(daemon: Daemon, source: string): Promise<void> {
  const ends = ["INSTALLED", "REJECTED", "FAILED"];
  await daemon.waitFor(`the end of ${source}`, (event) => event.source === source && ends.includes(event.type), PATIENCE_MS);
}

/** A client whose connection broke sends it again: what was taken already is taken once. */
async function uploadAgain(daemon: Daemon, changesPath: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await daemon.dput(changesPath);
    } catch (error) {
      if (tries === TRIES_MAX) throw error;
    }
  }
}

/** Each upload has one end, which is INSTALLED, one version in the index, and one file in the pool that apt reads. */
async function countEverything(
  daemon: Daemon,
  { sources, distribution }: { sources: readonly string[]; distribution: string },
): Promise<string[]> {
  await daemon.waitFor("the last publication", (event) => event.type === "publication-state" && event.data["to"] === "published");
  const ends = (await daemon.events()).filter(({ type }) => ["INSTALLED", "REJECTED", "FAILED"].includes(type));
  const index = await indexWith(daemon, distribution, sources);
  const problems: string[] = [];
  for (const source of sources) {
    const types = ends.filter((event) => event.source === source).map(({ type }) => type);
    const versions = index.filter((name) => name === source).length;
    if (types.join(" ") !== "INSTALLED") problems.push(`${source} ended as ${types.join(" ") || "nothing"}`);
    if (versions !== 1) problems.push(`${source} is in the index ${versions} times`);
  }
  return problems;
}

/**
 * Names in Packages, once all are among them, or after a minute: each is published a moment after it is installed, and
 * one that a kill delayed is installed after the last.
 */
async function indexWith(daemon: Daemon, distribution: string, wanted: readonly string[]): Promise<(string | undefined)[]> {
  const path = `/repositories/test/dists/${distribution}/main/binary-${await hostArchitecture()}/Packages.gz`;
  for (let tries = 0; ; tries += 1) {
    const packed = Buffer.from(await (await daemon.get(path)).arrayBuffer());
    const names = parseDeb822Stanzas(gunzipSync(packed)).map((stanza) => fieldValue(stanza, "Package"));
    if (wanted.every((name) => names.includes(name)) || tries === 300) return names;
    await delay(200);
  }
}

/** Of layers and whatever else is there; all belongs to subordinate ids. */
async function storeBytes(daemon: Daemon): Promise<number> {
  const argv = ["mmdebstrap", "--unshare-helper", "sh", "-c", "du --summarize --block-size=1 --exclude=archives ."] as const;
  const ended = await runChecked({ argv, cwd: `${daemon.home}/testbeds/store`, timeoutMs: 300_000 });
  return Number.parseInt(ended.stdout.toString("utf8"), 10);
}

/** mulberry32: numbers from 0 to 1. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
