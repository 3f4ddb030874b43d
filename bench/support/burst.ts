import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { Daemon } from "../../test/support/daemon.ts";
import type { HostRelease } from "../../test/support/host-archive.ts";
import { plainCatalog } from "../../test/support/plain-catalog.ts";
import type { PlainSbuild } from "../../test/support/plain-sbuild.ts";
import { makeSourcePackage } from "../../test/support/source-tree.ts";
import { type BenchRow, benchRow, tell } from "./report.ts";

const UPLOADS = 20;
/**
 * The original 2.2.8, trivial arch:all, quality checks on: 31 s from upload to installed, two at a time on two cores
 * (measured on this kind of machine, not in this run).
 */
const ORIGINAL_SECONDS = (31 * UPLOADS) / 2;
const THROUGHPUT_MIN = 6;

/** Twenty trivial uploads at once, lintian on, until the last is installed; beside plain sbuild, two at a time. */
export async function measureBurst(release: HostRelease, peer: PlainSbuild | undefined): Promise<BenchRow[]> {
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
    return rowsOf(seconds, peer === undefined ? undefined : await timePeer(peer, changes));
  } finally {
    await daemon.remove();
    await rm(scratch, { recursive: true, force: true });
  }
}

function rowsOf(seconds: number, peerSeconds: number | undefined): BenchRow[] {
  const common = { value: seconds, unit: "s" };
  return [
    benchRow({
      ...common,
      metric: `${UPLOADS} trivial uploads at once, lintian on`,
      peer: { name: "original 2.2.8 (earlier)", value: ORIGINAL_SECONDS },
      goalMax: ORIGINAL_SECONDS / THROUGHPUT_MIN,
    }),
    ...(peerSeconds === undefined
      ? []
      : [benchRow({ ...common, metric: "  the same", peer: { name: "sbuild unshare, two at a time", value: peerSeconds } })]),
  ];
}

async function timePeer(peer: PlainSbuild, changes: readonly string[]): Promise<number> {
  const waiting = changes.map((path) => join(path.replace(/_source\.changes$/, ".dsc")));
  const startMs = performance.now();
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      await peer.discard(await peer.build(next, { runLintian: true }));
  };
  await Promise.all([work(), work()]);
  return (performance.now() - startMs) / 1_000;
}
