/**
 * What a build costs beyond the build itself: the builder alone, without farm and archive, beside bare
 * `dpkg-buildpackage` in the same testbed and, with --plain, `sbuild --chroot-mode=unshare` on the same source. First build:
 * no dependency layer is there; second: everything is. Checks on: lintian; all checks: autopkgtest and piuparts too. `burst`:
 * twenty trivial uploads at once, by a whole daemon.
 * With --original, the original 2.2.8 too, installed in a chroot and building there as its packages have it: what it needs
 * from the end of dput until the package is installed, and of that for its build.
 * Usage: node bench/builds.ts [--rounds N] [--only trivial|debhelper|hello|zlib|wide|burst]… [--plain] [--original] [--json]
 * Needs an ordinary user with a subuid range, sbuild, mmdebstrap, for the burst `tools/build`; 4 GiB below /var/tmp; with 5
 * rounds about 25 minutes. With --original: to be started by root on bookworm; all but the original then runs as the user
 * that owns this file; four minutes more before, and two to three minutes more for each package and round.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { HostRelease } from "../test/support/host-archive.ts";
import { PlainSbuild } from "../test/support/plain-sbuild.ts";
import { alternate, type Contestants } from "./support/alternate.ts";
import { benchArguments } from "./support/arguments.ts";
import { besideOriginal, originalAddress } from "./support/beside-original.ts";
import { type BuildChoices, BuilderSide, type MeasuredBuild } from "./support/builder-side.ts";
import { measureBurst } from "./support/burst.ts";
import { OriginalSide } from "./support/original-side.ts";
import type { OriginalAddress } from "./support/original-uploads.ts";
import { type BenchRow, benchRow, printReport, tell } from "./support/report.ts";
import {
  debhelperSeries,
  debianSeries,
  type SeriesOptions,
  type SourceSeries,
  trivialSeries,
  wideSeries,
} from "./support/source-series.ts";
import { median } from "./support/statistics.ts";

const PACKAGES = ["trivial", "debhelper", "hello", "zlib", "wide"] as const;
type PackageName = (typeof PACKAGES)[number];
const STEPS = ["prepare", "build", "checks", "deliver"] as const;

type Checks = "off" | "on" | "all";
const CHOICES: Readonly<Record<Checks, BuildChoices>> = {
  off: { lintian: "disabled" },
  on: { lintian: "ignore" },
  all: { lintian: "ignore", autopkgtest: "ignore", piuparts: "ignore" },
};

/** Goals are for packages that are compiled: what is around the build does not shrink with it. */
const COMPILED: readonly PackageName[] = ["hello", "zlib"];
const STEP_TO_BARE_MAX = 1.2;
const BUILD_TO_BARE_MAX = 1.3;
const LINTIAN_SECONDS_MAX = 3;
const SESSION_SECONDS_MAX = 0.1;

const { rounds, json, only, flags } = benchArguments(
  "node bench/builds.ts [--rounds N] [--only PACKAGE]… [--plain] [--original] [--json]",
  [...PACKAGES, "burst"],
  ["plain", "original"],
);
if (flags.includes("original") && originalAddress === undefined) process.exitCode = await besideOriginal(import.meta.filename);
else await measureAll(originalAddress);

/** What stands beside us. */
interface Peers {
  readonly plain: PlainSbuild | undefined;
  readonly original: OriginalAddress | undefined;
}

async function measureAll(original: OriginalAddress | undefined): Promise<void> {
  const builder = await BuilderSide.make();
  let plain: PlainSbuild | undefined;
  try {
    if (flags.includes("plain")) plain = await PlainSbuild.make(builder.release);
    const peers = { plain, original };
    const rows: BenchRow[] = [];
    for (const name of PACKAGES) {
      if (only.length === 0 || only.includes(name)) rows.push(...(await measurePackage(name, builder, peers)));
    }
    if (only.length === 0 || only.includes("burst")) rows.push(...(await measureBurst(builder.release, peers)));
    printReport("Builds", rows, { json });
  } finally {
    await plain?.remove();
    await builder.remove();
  }
}

async function measurePackage(name: PackageName, builder: BuilderSide, peers: Peers): Promise<BenchRow[]> {
  const directory = join(builder.scratch, name);
  await mkdir(directory);
  const make = (label: string, options: Omit<SeriesOptions, "directory">): Promise<SourceSeries> =>
    openSeries(name, builder.release, { ...options, directory: join(directory, label) });
  const series = await make("source", { distribution: "unstable", versionSuffix: "+bench" });
  await builder.forgetDependencyLayers();
  const first = await builder.build(await series.next(), { lintian: "disabled" });
  tell(`${name}, first build: ${first.seconds.toFixed(2)}`);
  // For the layers of the checks' tools.
  await builder.build(await series.next(), CHOICES.all);

  const builds: Record<Checks, MeasuredBuild[]> = { off: [], on: [], all: [] };
  const sessionSeconds: number[] = [];
  const measure = async (how: Checks): Promise<number> => {
    const build = await builder.build(await series.next(), CHOICES[how]);
    builds[how].push(build);
    return build.seconds;
  };
  const original = peers.original === undefined ? undefined : await OriginalSide.make(peers.original, make);
  const seconds = await alternate<string>(rounds, {
    off: () => measure("off"),
    bare: async () => {
      const bare = await builder.buildBare(await series.next());
      sessionSeconds.push(bare.sessionSeconds);
      return bare.seconds;
    },
    on: () => measure("on"),
    all: () => measure("all"),
    ...plainContestant(peers.plain, series),
    ...original?.contestants(),
  });
  await rm(directory, { recursive: true });
  return [...packageRows(name, { first, builds, seconds, sessionSeconds }), ...originalRows(name, seconds, original)];
}

function originalRows(
  name: PackageName,
  seconds: Readonly<Record<string, number[]>>,
  original: OriginalSide | undefined,
): BenchRow[] {
  const ours = { off: median(seconds["off"] ?? []), on: median(seconds["on"] ?? []) };
  return original?.rows(name, ours) ?? [];
}

function plainContestant(peer: PlainSbuild | undefined, series: SourceSeries): Contestants<string> {
  return peer === undefined ? {} : { plain: async () => timePlain(peer, (await series.next()).dscPath) };
}

function packageRows(
  name: PackageName,
  measured: {
    readonly first: MeasuredBuild;
    readonly builds: Record<Checks, MeasuredBuild[]>;
    readonly seconds: Readonly<Record<string, number[]>>;
    readonly sessionSeconds: readonly number[];
  },
): BenchRow[] {
  const { first, builds, seconds, sessionSeconds } = measured;
  const middle = (contestant: string): number => median(seconds[contestant] ?? []);
  const bare = middle("bare");
  const peer = { name: "dpkg-buildpackage", value: bare };
  const isCompiled = COMPILED.includes(name);
  const buildStep = median(builds.off.map(({ steps }) => steps["build"] ?? Number.NaN));
  const row = (metric: string, value: number, more: { beside?: typeof peer; goalMax?: number | undefined } = {}): BenchRow =>
    benchRow({ metric: `${name}, ${metric}`, value, unit: "s", peer: more.beside, goalMax: more.goalMax });
  return [
    row("first build, checks off", first.seconds, { beside: peer }),
    row("second build, checks off", middle("off"), {
      beside: peer,
      goalMax: isCompiled ? BUILD_TO_BARE_MAX * bare : undefined,
    }),
    row("  its sbuild step", buildStep, { beside: peer, goalMax: isCompiled ? STEP_TO_BARE_MAX * bare : undefined }),
    row("second build, lintian on", middle("on"), { beside: peer }),
    row("second build, all checks on", middle("all"), { beside: peer }),
    row("lintian adds", middle("on") - middle("off"), { goalMax: LINTIAN_SECONDS_MAX }),
    ...STEPS.map((step) => row(`  lintian on: ${step}`, median(builds.on.map(({ steps }) => steps[step] ?? Number.NaN)))),
    row("session start on a layer hit", median(sessionSeconds), { goalMax: SESSION_SECONDS_MAX }),
    ...(seconds["plain"] === undefined ? [] : [row("plain sbuild unshare, lintian off", middle("plain"), { beside: peer })]),
  ];
}

async function timePlain(peer: PlainSbuild, dscPath: string): Promise<number> {
  const startMs = performance.now();
  const built = await peer.build(dscPath);
  const seconds = (performance.now() - startMs) / 1_000;
  await peer.discard(built);
  return seconds;
}

async function openSeries(name: PackageName, release: HostRelease, options: SeriesOptions): Promise<SourceSeries> {
  if (name === "trivial") return trivialSeries(options);
  if (name === "debhelper") return debhelperSeries(options);
  if (name === "wide") return wideSeries(options);
  return debianSeries(name, release, options);
}
