/**
 * What an archive costs at a hundred, a thousand, ten thousand and fifty thousand packages: import all, add one and
 * publish, migrate one, snapshot, remove one, clean up, peak memory; beside reprepro and aptly, on the same packages
 * (tiny real .debs that it makes), each with the indexes it can make. Prints a table and draws the cost of adding one
 * against the size: bench/plots/archive.svg.
 * Usage: node bench/archive.ts [--rounds N] [--only SIZE]… [--json]
 * Needs `tools/build`, reprepro, aptly, gpg, xz; 2 GiB below /var/tmp; a quarter of an hour.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { syncFileSystem } from "../src/runtime/index.ts";
import { makeTestKey, type TestKey } from "../test/support/keys.ts";
import { aptly } from "./archive-sides/aptly.ts";
import { ours } from "./archive-sides/ours.ts";
import { reprepro } from "./archive-sides/reprepro.ts";
import { ACTS, type Act, type ActValues, type ArchiveSide, type ArchiveTask } from "./archive-sides/side.ts";
import { benchArguments } from "./support/arguments.ts";
import { drawPlot, type PlotLine } from "./support/plot.ts";
import { type BenchRow, benchRow, printReport, tell } from "./support/report.ts";
import { median } from "./support/statistics.ts";
import { makeTinyDebs, tinyName } from "./support/tiny-debs.ts";

const SIZES = [100, 1_000, 10_000, 50_000];
const PEERS: readonly ArchiveSide[] = [reprepro, aptly];
/** Of size and act, in the act's unit. */
const GOALS: Readonly<Record<number, Partial<Record<Act, number>>>> = {
  10_000: { "commit to new InRelease": 0.1 },
  50_000: { "commit to new InRelease": 0.2, "import all and publish": 15, "peak memory": 400 },
};
/** Of fifty thousand packages over ten thousand. */
const GROWTH_MAX = 2;

const { rounds, json, only } = benchArguments("node bench/archive.ts [--rounds N] [--only SIZE]… [--json]", SIZES.map(String));
const scratch = await mkdtemp("/var/tmp/mini-buildd-bench-");
let key: TestKey | undefined;
try {
  key = await makeTestKey({ userId: "bench <bench@example.org>", algorithm: "rsa2048" });
  const rows: BenchRow[] = [];
  const measured = new Map<number, ReadonlyMap<string, ActValues>>();
  for (const size of SIZES.filter((each) => only.length === 0 || only.includes(String(each)))) {
    const values = await measureSize(size, key);
    measured.set(size, values);
    rows.push(...sizeRows(size, values));
  }
  rows.push(...growthRows(measured));
  await plot(measured);
  printReport("An archive, by its size", rows, { json });
} finally {
  await key?.dispose();
  await rm(scratch, { recursive: true, force: true });
}

/**
 * Nothing is deleted before the end: for some minutes ext4 takes no inode that was just deleted, and looks at each of them
 * whenever it makes a file (0.7 ms instead of 0.03 after some ten thousand).
 */
async function measureSize(size: number, { homePath, fingerprint }: TestKey): Promise<Map<string, ActValues>> {
  tell(`${size} packages: making them`);
  const sizePath = join(scratch, String(size));
  const initialDirectory = join(sizePath, "initial");
  await makeTinyDebs(initialDirectory, { from: 0, to: size });
  const furtherPaths = await makeTinyDebs(join(sizePath, "further"), { from: size, to: size + rounds });
  // Who comes first would write out what making them left.
  await syncFileSystem(sizePath);
  // Spread over the index: what is removed from its middle costs most.
  const expendable = Array.from({ length: rounds }, (_, round) => tinyName(Math.floor(((round + 0.5) * size) / rounds)));

  const values = new Map<string, ActValues>();
  for (const side of [ours, ...PEERS]) {
    const scratchPath = join(sizePath, side.name);
    await mkdir(scratchPath);
    const task: ArchiveTask = {
      scratchPath,
      initialDirectory,
      furtherPaths,
      expendable,
      keyHomePath: homePath,
      keyFingerprint: fingerprint,
    };
    const found = await side.measure(task);
    values.set(side.name, found);
    tell(`${size} packages, ${side.name}: ${ACTS.map((act) => `${act} ${median(found[act] ?? []).toFixed(2)}`).join(", ")}`);
  }
  return values;
}

function sizeRows(size: number, values: ReadonlyMap<string, ActValues>): BenchRow[] {
  return ACTS.flatMap((act) => {
    const value = median(values.get(ours.name)?.[act] ?? []);
    const unit = act === "peak memory" ? "MB" : "s";
    const common = { metric: `${size} packages: ${act}`, value, unit, goalMax: GOALS[size]?.[act] };
    const peers = PEERS.map((peer) => ({ name: peer.name, value: median(values.get(peer.name)?.[act] ?? []) }));
    const there = peers.filter((peer) => !Number.isNaN(peer.value));
    return there.length === 0 ? [benchRow(common)] : there.map((peer) => benchRow({ ...common, peer }));
  });
}

function growthRows(measured: ReadonlyMap<number, ReadonlyMap<string, ActValues>>): BenchRow[] {
  const valueAt = (size: number): number => median(measured.get(size)?.get(ours.name)?.["commit to new InRelease"] ?? []);
  const value = valueAt(50_000) / valueAt(10_000);
  if (Number.isNaN(value)) return [];
  return [benchRow({ metric: "commit to new InRelease, 50000 over 10000 packages", value, unit: "×", goalMax: GROWTH_MAX })];
}

async function plot(measured: ReadonlyMap<number, ReadonlyMap<string, ActValues>>): Promise<void> {
  const lines: PlotLine[] = [ours, ...PEERS].map(({ name }) => ({
    name,
    points: [...measured].map(([size, values]) => ({ x: size, y: median(values.get(name)?.["add one and publish"] ?? []) })),
  }));
  const directory = join(import.meta.dirname, "plots");
  await mkdir(directory, { recursive: true });
  const title = "Add one package and publish: seconds against packages in the archive";
  await writeFile(join(directory, "archive.svg"), drawPlot({ title, lines }));
}
