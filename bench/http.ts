/**
 * The HTTP server with 50 000 source packages and 100 000 builds: how long status, ls, search and events take, and how many
 * of them a second; a .deb and an InRelease beside nginx; 1 000 listeners of events at once. With --original, or `--only
 * original`, also beside the original, which is installed in a testbed: on bookworm, two minutes more. It has no packages and no
 * events, ours has all of those.
 * Usage: node bench/http.ts [--rounds N] [--only latency|requests|listeners|original]… [--original] [--json]
 * Needs `tools/build`, and Debian's `wrk` and `nginx-light`; 500 MiB below /var/tmp; about three minutes.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { Agent, get } from "node:http";
import { join } from "node:path";
import { Daemon, hostCodename } from "../test/support/daemon.ts";
import { benchArguments } from "./support/arguments.ts";
import { EventListeners } from "./support/event-listeners.ts";
import { fillDatabase, RARE_DISTRIBUTION, sourceName } from "./support/large-database.ts";
import { startNginx } from "./support/nginx.ts";
import { startOriginal } from "./support/original-server.ts";
import { type BenchRow, benchRow, printReport, tell } from "./support/report.ts";
import { median, percentile } from "./support/statistics.ts";
import { requestsPerSecond } from "./support/wrk.ts";

const PARTS = ["latency", "requests", "listeners", "original"] as const;
const SOURCES = 50_000;
const BUILDS_PER_SOURCE = 2;
const LISTENERS = 1_000;
const SECONDS = 3;
const ASKED_TIMES = 40;
const IN_RELEASE_BYTES = 5_000;
const DEB_BYTES = 53_000;

const usage = "node bench/http.ts [--rounds N] [--only PART]… [--original] [--json]";
const { rounds, json, only, flags } = benchArguments(usage, PARTS, ["original"]);
const isWanted = (part: Exclude<(typeof PARTS)[number], "original">): boolean => only.length === 0 || only.includes(part);

const log = "[log]\naccess = false\n";
const limits = "[limits]\nhttpRequestsPerMinutePerPeerMax = 0\nhttpStreamsPerPeerMax = 2000\nhttpConnectionsMax = 4000\n";
const daemon = await Daemon.make({ configuration: `[builder]\nparallel = 0\n${log}${limits}` });
const distribution = `${await hostCodename()}-test-unstable`;
try {
  await prepare();
  const rows: BenchRow[] = [];
  if (isWanted("listeners")) rows.push(...(await measureListeners()));
  if (isWanted("latency")) rows.push(...(await measureLatencies()));
  if (isWanted("requests")) rows.push(...(await measureRequests()));
  if (only.includes("original") || flags.includes("original")) rows.push(...(await measureBesideOriginal()));
  printReport("HTTP, 50 000 source packages, 100 000 builds", rows, { json });
} finally {
  await daemon.remove();
}

async function prepare(): Promise<void> {
  await daemon.start();
  await daemon.apply();
  await daemon.stop();
  fillDatabase(join(daemon.home, "database/mini-buildd.sqlite"), {
    sources: SOURCES,
    buildsPerSource: BUILDS_PER_SOURCE,
    distribution,
  });
  tell("the database is filled");
  const directory = join(daemon.home, "repositories/test/pool/bench");
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "InRelease"), Buffer.alloc(IN_RELEASE_BYTES, "x"));
  await writeFile(join(directory, "a.deb"), Buffer.alloc(DEB_BYTES, "x"));
  await daemon.start();
}

/** What is asked, with how long it may take on the server. */
function questions(): readonly {
  readonly name: string;
  readonly path: string;
  readonly goalMs?: number;
  readonly isAlone?: true;
}[] {
  const source = sourceName(4_711);
  return [
    { name: "status", path: "/api/v1/status" },
    { name: "ls", path: `/api/v1/ls?source=${encodeURIComponent(source)}` },
    { name: "search, one found", path: `/api/v1/search?pattern=${encodeURIComponent(source)}`, goalMs: 50 },
    { name: "search, none found", path: "/api/v1/search?pattern=no-such-thing", goalMs: 50 },
    { name: "search, 100 of thousands found", path: "/api/v1/search?pattern=python", goalMs: 50 },
    { name: "events, newest", path: "/api/v1/events", goalMs: 50 },
    { name: "events, in the middle", path: "/api/v1/events?before=300000&limit=500", goalMs: 50 },
    { name: "events of a source", path: `/api/v1/events?types=all&source=${encodeURIComponent(source)}`, goalMs: 50 },
    { name: "events of a type that is rare", path: "/api/v1/events?types=REMOVED", goalMs: 50 },
    {
      name: "events.attach, of a rare distribution since long ago",
      path: `/static/events.attach?after=2026-01-01T00:00:00%2B00:00&distribution=${RARE_DISTRIBUTION}`,
      goalMs: 50,
      isAlone: true,
    },
    { name: "page of events", path: "/mini_buildd/events/", goalMs: 50 },
    { name: "page of a distribution", path: `/mini_buildd/repositories/test/dists/${distribution}/` },
  ];
}

async function measureLatencies(): Promise<BenchRow[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const rows: BenchRow[] = [];
  for (const { name, path, goalMs, isAlone } of questions()) {
    const times: number[] = [];
    for (let time = 0; time < ASKED_TIMES; time++) times.push(await timeOf(isAlone === true ? false : agent, path));
    rows.push(benchRow({ metric: `${name}: median`, value: median(times), unit: "ms", goalMax: goalMs }));
    rows.push(benchRow({ metric: `${name}: p95`, value: percentile(times, 95), unit: "ms", goalMax: goalMs }));
  }
  agent.destroy();
  return rows;
}

/** `agent` false: on a connection of its own, as where a client is in `events.attach` hangs on it. */
function timeOf(agent: Agent | false, path: string): Promise<number> {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    get(daemon.url + path, { agent }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`${path}: ${answer.statusCode}`));
      answer.resume().once("end", () => resolve(performance.now() - startedMs));
    }).once("error", reject);
  });
}

/** Rounds alternate, so that both see the same machine. */
async function measureRequests(): Promise<BenchRow[]> {
  const nginx = await startNginx(daemon.home);
  try {
    const rows: BenchRow[] = [];
    for (const { name, path } of questions().slice(0, 6)) {
      const rates: number[] = [];
      for (let round = 0; round < rounds; round++) rates.push(await requestsPerSecond(daemon.url + path, SECONDS));
      rows.push(benchRow({ metric: name, value: median(rates), unit: "requests/s" }));
      tell(`${name}: ${median(rates).toFixed(0)} requests/s`);
    }
    for (const [name, file] of [
      ["InRelease, 5 KB", "InRelease"],
      [".deb, 53 KB", "a.deb"],
    ] as const) {
      const path = `/repositories/test/pool/bench/${file}`;
      const [ours, theirs]: [number[], number[]] = [[], []];
      for (let round = 0; round < rounds; round++) {
        ours.push(await requestsPerSecond(daemon.url.replace("localhost", "127.0.0.1") + path, SECONDS));
        theirs.push(await requestsPerSecond(nginx.url + path, SECONDS));
      }
      const peer = { name: "nginx", value: median(theirs) };
      rows.push(benchRow({ metric: name, value: median(ours), unit: "requests/s", peer }));
    }
    return rows;
  } finally {
    await nginx.stop();
  }
}

/** Rounds alternate. Its InRelease has its own length, so ours is given the same. */
async function measureBesideOriginal(): Promise<BenchRow[]> {
  const original = await startOriginal();
  if (original === undefined) {
    tell("the original is not measured: this machine's release has no package of it");
    return [];
  }
  try {
    tell(`the original ${original.version} is set up`);
    const inRelease = `/repositories/test/dists/${original.distribution}/InRelease`;
    const bytes = Buffer.from(await (await fetch(original.url + inRelease)).arrayBuffer());
    await writeFile(join(daemon.home, "repositories/test/pool/bench/InRelease-original"), bytes);
    const source = encodeURIComponent(sourceName(4_711));
    const rows: BenchRow[] = [];
    for (const [name, ours, theirs] of [
      ["status", "/mini_buildd/api/status/?output=json"],
      ["ls", `/mini_buildd/api/ls/?source=${source}&output=json`],
      ["page of events", "/mini_buildd/events/"],
      [`InRelease, ${Math.round(bytes.length / 1000)} KB`, "/repositories/test/pool/bench/InRelease-original", inRelease],
    ] as const) {
      const rates: [number[], number[]] = [[], []];
      for (let round = 0; round < rounds; round++) {
        // The original ends a connection with each file, without a word of it.
        const how = { oneEach: theirs !== undefined };
        rates[0].push(await requestsPerSecond(daemon.url.replace("localhost", "127.0.0.1") + ours, SECONDS, how));
        rates[1].push(await requestsPerSecond(original.url + (theirs ?? ours), SECONDS, how));
      }
      const peer = { name: `original ${original.version}`, value: median(rates[1]) };
      rows.push(benchRow({ metric: `${name}, beside the original`, value: median(rates[0]), unit: "requests/s", peer }));
      tell(`${name}: ${median(rates[0]).toFixed(0)} requests/s, the original ${median(rates[1]).toFixed(0)}`);
    }
    return rows;
  } finally {
    await original.stop();
  }
}

async function measureListeners(): Promise<BenchRow[]> {
  const before = await residentMegabytes();
  const listeners = new EventListeners();
  try {
    await listeners.open(daemon.url.replace("localhost", "127.0.0.1"), LISTENERS);
    const open = await residentMegabytes();
    const startedMs = performance.now();
    // Refused, which is one event.
    await daemon.put("nonsense_1_source.changes", Buffer.from("nonsense"));
    await listeners.until(LISTENERS);
    const tookMs = performance.now() - startedMs;
    const rows = [
      benchRow({ metric: "VmRSS before", value: before, unit: "MB" }),
      benchRow({ metric: `VmRSS with ${LISTENERS} listeners`, value: open, unit: "MB", goalMax: 200 }),
      benchRow({ metric: `a first event at all ${LISTENERS} listeners`, value: tookMs, unit: "ms" }),
    ];
    return [...rows, benchRow({ metric: "VmHWM, the most", value: await residentMegabytes("VmHWM"), unit: "MB", goalMax: 200 })];
  } finally {
    listeners.close();
  }
}

async function residentMegabytes(field: "VmRSS" | "VmHWM" = "VmRSS"): Promise<number> {
  const status = await readFile(`/proc/${daemon.pid}/status`, "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) * 1.024e-3;
}
