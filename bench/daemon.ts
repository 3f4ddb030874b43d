/**
 * The daemon itself: from its start to its first answer; its memory fresh, and after 20 uploads and a minute of rest;
 * how long an answer waits while it builds and publishes, beside the barest Node server on the same machine.
 * Usage: node bench/daemon.ts [--rounds N] [--only start|memory|latency]… [--json]
 * Needs `tools/build`, an ordinary user with a subuid range; 2 GiB below /var/tmp; about six minutes.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { get } from "node:http";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Daemon } from "../test/support/daemon.ts";
import { type HostRelease, readHostRelease } from "../test/support/host-archive.ts";
import { plainCatalog } from "../test/support/plain-catalog.ts";
import { benchArguments } from "./support/arguments.ts";
import { startBareServer } from "./support/bare-server-process.ts";
import { LatencyProbe } from "./support/latency-probe.ts";
import { measureUpload } from "./support/our-side.ts";
import { type BenchRow, benchRow, printReport, tell } from "./support/report.ts";
import { debianSeries, type SourceSeries, trivialSeries } from "./support/source-series.ts";
import { median, percentile } from "./support/statistics.ts";

const PARTS = ["start", "memory", "latency"] as const;
const UPLOADS = 20;
const REST_MS = 60_000;
const PROBE_INTERVAL_MS = 20;

const { rounds, json, only } = benchArguments("node bench/daemon.ts [--rounds N] [--only PART]… [--json]", PARTS);
const release = await readHostRelease();
const distribution = `${release.codename}-test-unstable`;
const scratch = await mkdtemp("/var/tmp/mini-buildd-bench-");
const daemon = await Daemon.make({ catalog: plainCatalog(release, { lintian: "ignore" }), sharesLayers: true });
try {
  const rows: BenchRow[] = [];
  await daemon.start();
  await daemon.apply();
  await daemon.stop();
  if (isWanted("start")) rows.push(...(await measureStarts()));
  await daemon.start();
  const series = trivialSeries({ directory: join(scratch, "trivial"), distribution, versionSuffix: "+bench" });
  if (isWanted("memory")) rows.push(...(await measureMemory(series)));
  if (isWanted("latency")) rows.push(...(await measureLatency(series, release)));
  printReport("The daemon", rows, { json });
} finally {
  await daemon.remove();
  await rm(scratch, { recursive: true, force: true });
}

function isWanted(part: (typeof PARTS)[number]): boolean {
  return only.length === 0 || only.includes(part);
}

/** From exec to the first answer of the API, on a home that was used before. */
async function measureStarts(): Promise<BenchRow[]> {
  const seconds: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const startedMs = performance.now();
    const program = resolve(import.meta.dirname, "../bin/mini-buildd");
    const child = spawn(program, ["serve", "--home", daemon.home], {
      stdio: "ignore",
      env: { PATH: process.env["PATH"], HOME: scratch, LC_ALL: "C.UTF-8" },
    });
    await untilAnswered(`http://127.0.0.1:${daemon.httpPort}/mini_buildd/api/status/?output=json`);
    seconds.push((performance.now() - startedMs) / 1_000);
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
    tell(`start ${round} of ${rounds}: ${seconds.at(-1)?.toFixed(2)} s`);
  }
  return [benchRow({ metric: "start to first answer", value: median(seconds), unit: "s", goalMax: 1 })];
}

async function untilAnswered(url: string): Promise<void> {
  for (let tries = 0; tries < 6_000; tries++) {
    const isAnswered = await new Promise<boolean>((resolveAnswer) => {
      get(url, (answer) => resolveAnswer(answer.resume().statusCode === 200)).once("error", () => resolveAnswer(false));
    });
    if (isAnswered) return;
    await delay(10);
  }
  throw new Error(`${url} does not answer`);
}

async function measureMemory(series: SourceSeries): Promise<BenchRow[]> {
  await delay(5_000);
  const fresh = await residentMegabytes();
  for (let upload = 1; upload <= UPLOADS; upload++) {
    const { seconds } = await measureUpload(daemon, await series.next(), distribution, release.architecture);
    tell(`upload ${upload} of ${UPLOADS}: ${seconds.toFixed(1)} s, ${await residentMegabytes()} MB`);
  }
  await delay(REST_MS);
  const afterwards = await residentMegabytes();
  return [
    benchRow({ metric: "VmRSS, fresh", value: fresh, unit: "MB" }),
    benchRow({ metric: `VmRSS, ${UPLOADS} uploads and a minute later`, value: afterwards, unit: "MB", goalMax: 120 }),
    benchRow({ metric: "VmHWM, the most meanwhile", value: await residentMegabytes("VmHWM"), unit: "MB" }),
  ];
}

async function residentMegabytes(field: "VmRSS" | "VmHWM" = "VmRSS"): Promise<number> {
  const status = await readFile(`/proc/${daemon.pid}/status`, "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) * 1.024e-3;
}

/** While hello is built, checked and published, after a small package that brings the layers. */
async function measureLatency(series: SourceSeries, host: HostRelease): Promise<BenchRow[]> {
  await measureUpload(daemon, await series.next(), distribution, host.architecture);
  const options = { directory: join(scratch, "hello"), distribution, versionSuffix: "+bench" };
  const hello = await debianSeries("hello", host, options);
  const bare = await startBareServer();
  const url = `${daemon.url}/mini_buildd/api/status/?output=json`;
  try {
    const probe = await LatencyProbe.start([url, bare.url], PROBE_INTERVAL_MS);
    await measureUpload(daemon, await hello.next(), distribution, host.architecture);
    const latencies = await probe.stop();
    return latencyRows(latencies[url] ?? [], latencies[bare.url] ?? []);
  } finally {
    bare.stop();
  }
}

/** What both wait for at the same moment is the machine's doing; what only ours waits for is our event loop's. */
function latencyRows(ours: readonly (number | undefined)[], theirs: readonly (number | undefined)[]): BenchRow[] {
  const pairs = ours.flatMap((value, moment) => {
    const bare = theirs[moment];
    return value === undefined || bare === undefined ? [] : [{ value, bare }];
  });
  tell(`${pairs.length} answers`);
  const row = (name: string, of: (values: readonly number[]) => number): BenchRow =>
    benchRow({
      metric: `answer during build and publication, ${name}`,
      value: of(pairs.map(({ value }) => value)),
      unit: "ms",
      peer: { name: "bare Node server", value: of(pairs.map(({ bare }) => bare)) },
    });
  const excess = pairs.map(({ value, bare }) => value - bare);
  const excessRow = (name: string, value: number): BenchRow =>
    benchRow({ metric: `later than the bare server at the same moment, ${name}`, value, unit: "ms", goalMax: 50 });
  return [
    row("median", median),
    row("p99", (values) => percentile(values, 99)),
    row("max", (values) => Math.max(...values)),
    excessRow("p99", percentile(excess, 99)),
    excessRow("max", Math.max(...excess)),
  ];
}
