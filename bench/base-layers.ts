/**
 * A base layer of this machine's release, beside what the original does for its chroots: debootstrap's variant buildd.
 * That needs root: by `sudo`, else it is not measured, and that is said.
 * Usage: node bench/base-layers.ts [--rounds N] [--json]
 * Needs an ordinary user with a subuid range, mmdebstrap, debootstrap; 2 GiB below /var/tmp; some minutes.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { runChecked, runCommand, silentLogger, systemClock } from "../src/runtime/index.ts";
import { Testbeds } from "../src/testbed/index.ts";
import { readHostRelease } from "../test/support/host-archive.ts";
import { benchArguments } from "./support/arguments.ts";
import { benchRow, printReport, tell } from "./support/report.ts";
import { median } from "./support/statistics.ts";

const RATIO_MAX = 0.5;

const { rounds, json } = benchArguments("node bench/base-layers.ts [--rounds N] [--json]");
const release = await readHostRelease();
const scratch = await mkdtemp("/var/tmp/mini-buildd-bench-");
const testbeds = await Testbeds.open({ directory: join(scratch, "testbeds"), clock: systemClock, logger: silentLogger });
const canBeRoot = (await runCommand({ argv: ["sudo", "-n", "debootstrap", "--version"] })).exitCode === 0;
try {
  if (!canBeRoot) tell("debootstrap is not measured: it needs root, by sudo");
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    ours.push(await timed(`round ${round}, base layer`, () => makeBase(round)));
    if (canBeRoot) theirs.push(await timed(`round ${round}, debootstrap`, debootstrap));
  }
  const peer = theirs.length === 0 ? undefined : { name: "debootstrap --variant=buildd", value: median(theirs) };
  const goalMax = peer === undefined ? undefined : peer.value * RATIO_MAX;
  printReport("Base layers", [benchRow({ metric: "base layer", value: median(ours), unit: "s", peer, goalMax })], { json });
} finally {
  await testbeds.close();
  await runChecked({ argv: ["mmdebstrap", "--unshare-helper", "sh", "-c", "rm -rf -- *"], cwd: join(scratch, "testbeds/store") });
  await rm(scratch, { recursive: true, force: true });
}

async function makeBase(round: number): Promise<void> {
  const request = { ...release, components: ["main"] };
  await (round === 1 ? testbeds.ensureBaseLayer(request) : testbeds.remakeBaseLayer(request));
}

/** From the same archive, the first that the release has. */
async function debootstrap(): Promise<void> {
  const uri = /^URIs: (\S+)/m.exec(release.sources[0]?.deb822 ?? "")?.[1] ?? "";
  const directory = join(scratch, "debootstrap");
  await runChecked({
    argv: ["sudo", "-n", "debootstrap", "--variant=buildd", release.codename, directory, uri],
    timeoutMs: 1_800_000,
  });
  await runChecked({ argv: ["sudo", "-n", "rm", "-rf", "--one-file-system", directory], timeoutMs: 600_000 });
}

async function timed(what: string, work: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await work();
  const seconds = (performance.now() - startMs) / 1_000;
  tell(`${what}: ${seconds.toFixed(1)}`);
  return seconds;
}
