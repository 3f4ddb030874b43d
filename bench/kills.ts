/**
 * SIGKILLs of the daemon at random moments during a stream of uploads: nothing is lost, nothing is installed twice, and
 * no process, mount or directory is left. Fails with what is wrong.
 * Usage: node bench/kills.ts [--rounds KILLS] [--json]
 * Needs what system tests need, and the built program (tools/build); 100 kills take about a quarter of an hour.
 */
import { Daemon } from "../test/support/daemon.ts";
import { killStorm } from "../test/support/kill-storm.ts";
import { benchArguments } from "./support/arguments.ts";
import { benchRow, printReport, tell } from "./support/report.ts";

const USAGE = "node bench/kills.ts [--rounds KILLS] [--json]";
const KILLS = 100;

const { rounds, json } = benchArguments(USAGE);
const kills = process.argv.includes("--rounds") ? rounds : KILLS;
const seed = Date.now() % 1_000_000;
const daemon = await Daemon.make({ configuration: "[limits]\nbuildLossesMax = 1000\n", sharesLayers: true });
try {
  await daemon.start();
  await daemon.apply();
  tell(`seed ${seed}`);
  const onKill = (index: number, delayMs: number): void => tell(`kill ${index}, ${delayMs} ms after its upload began`);
  const report = await killStorm(daemon, { kills, seed, onKill });
  for (const problem of report.problems) tell(`wrong: ${problem}`);
  const mebibytes = (bytes: number): number => Math.round(bytes / 1024 ** 2);
  const before = mebibytes(report.storeBytesBefore);
  printReport(
    "Kills",
    [
      benchRow({ metric: "kills", value: kills, unit: "" }),
      benchRow({ metric: "uploads", value: report.uploads, unit: "" }),
      benchRow({ metric: "builds that were interrupted", value: report.lostBuilds, unit: "" }),
      benchRow({ metric: "wrong at the end", value: report.problems.length, unit: "", goalMax: 0 }),
      benchRow({
        metric: "testbeds on the disk",
        value: mebibytes(report.storeBytesAfter),
        unit: "MiB",
        peer: { name: "before", value: before },
      }),
    ],
    { json },
  );
  process.exitCode = report.problems.length === 0 ? 0 : 1;
} finally {
  await daemon.remove();
}
