import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { Daemon } from "../../test/support/daemon.ts";
import type { HostRelease } from "../../test/support/host-archive.ts";
import { plainCatalog } from "../../test/support/plain-catalog.ts";
import type { PlainSbuild } from "../../test/support/plain-sbuild.ts";
import { makeSourcePackage } from "../../test/support/source-tree.ts";
import { dputToOriginal, ORIGINAL_SERIES, type OriginalAddress, waitForEndInOriginal } from "./original-uploads.ts";
import { type BenchRow, benchRow, tell } from "./report.ts";
import type { SourceVersion } from "./source-series.ts";

const UPLOADS = 20;
/**
 * The original 2.2.8, trivial arch:all, quality checks on: 31 s from upload to installed, two at a time on two cores
 * (measured on this kind of machine, not in this run). Where it does not stand beside us.
 */
const ORIGINAL_SECONDS = (31 * UPLOADS) / 2;
const THROUGHPUT_MIN = 6;

export interface BurstPeers {
  /** Two at a time. */
  readonly plain: PlainSbuild | undefined;
  readonly original: OriginalAddress | undefined;
}

/** Twenty trivial uploads at once, lintian on, until the last is installed. */
export async function measureBurst(release: HostRelease, peers: BurstPeers): Promise<BenchRow[]> {
  const scratch = await mkdtemp("/var/tmp/mini-buildd-bench-burst-");
  const daemon = await Daemon.make({ catalog: plainCatalog(release, { lintian: "ignore" }) });
  try {
    await daemon.start();
    await daemon.apply();
    const distribution = `${release.codename}-test-unstable`;
    const make = (name: string): Promise<string> => makeSourcePackage(scratch, { name, version: "1.0", distribution });
    tell("burst: one upload before, for the layers");
    await daemon.dput(await make("mbd-bench-first"));
    await daemon.waitForEnd("mbd-bench-first", "1.0");

    const names = Array.from({ length: UPLOADS }, (_, index) => `mbd-bench-burst${index + 1}`);
    const changes = await Promise.all(names.map(make));
    const startMs = performance.now();
    for (const path of changes) await daemon.dput(path);
    for (const name of names) {
      const end = await daemon.waitForEnd(name, "1.0");
      if (end.type !== "INSTALLED") throw new Error(`${name} ended as ${end.type}: ${JSON.stringify(end.data)}`);
    }
    const seconds = (performance.now() - startMs) / 1_000;
    tell(`burst: ${seconds.toFixed(1)}`);
    // Nothing of ours runs beside the others.
    await daemon.stop();
    const plainSeconds = peers.plain === undefined ? undefined : await timePlain(peers.plain, changes);
    return rowsOf(seconds, plainSeconds, peers.original === undefined ? undefined : await timeOriginal(peers.original, scratch));
  } finally {
    await daemon.remove();
    await rm(scratch, { recursive: true, force: true });
  }
}

function rowsOf(seconds: number, plainSeconds: number | undefined, original: OriginalBurst | undefined): BenchRow[] {
  const common = { value: seconds, unit: "s" };
  const peer =
    original === undefined
      ? { name: "original 2.2.8 (earlier)", value: ORIGINAL_SECONDS }
      : // What it lost would have taken it as long as the others.
        { name: `original 2.2.8 (${original.installed} installed)`, value: (original.seconds * UPLOADS) / original.installed };
  return [
    benchRow({
      ...common,
      metric: `${UPLOADS} trivial uploads at once, lintian on`,
      peer,
      goalMax: peer.value / THROUGHPUT_MIN,
    }),
    ...(plainSeconds === undefined
      ? []
      : [benchRow({ ...common, metric: "  the same", peer: { name: "sbuild unshare, two at a time", value: plainSeconds } })]),
  ];
}

async function timePlain(peer: PlainSbuild, changes: readonly string[]): Promise<number> {
  const waiting = changes.map((path) => join(path.replace(/_source\.changes$/, ".dsc")));
  const startMs = performance.now();
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      await peer.discard(await peer.build(next, { runLintian: true }));
  };
  await Promise.all([work(), work()]);
  return (performance.now() - startMs) / 1_000;
}

interface OriginalBurst {
  readonly seconds: number;
  /** Builds of it that run while it publishes may fail. */
  readonly installed: number;
}

/** It takes two at a time too: as many as there are cores. */
async function timeOriginal(original: OriginalAddress, scratch: string): Promise<OriginalBurst> {
  const { distribution, versionSuffix } = ORIGINAL_SERIES;
  const version = `1.0${versionSuffix}1`;
  const changelogLines = ["MINI_BUILDD_OPTION: lintian-mode=ignore"];
  const uploads: SourceVersion[] = [];
  for (let index = 1; index <= UPLOADS; index++) {
    const name = `mbd-bench-burst${index}`;
    const changesPath = await makeSourcePackage(scratch, { name, version, distribution, changelogLines });
    uploads.push({ source: name, version, changesPath, dscPath: changesPath.replace(/_source\.changes$/, ".dsc") });
  }
  const startMs = performance.now();
  for (const { changesPath } of uploads) await dputToOriginal(original, changesPath);
  let installed = 0;
  for (const upload of uploads) {
    const { isInstalled, event } = await waitForEndInOriginal(original, upload);
    if (isInstalled) installed += 1;
    else tell(`burst, the original: ${event}`);
  }
  const seconds = (performance.now() - startMs) / 1_000;
  tell(`burst, the original: ${seconds.toFixed(1)}, ${installed} installed`);
  return { seconds, installed };
}
