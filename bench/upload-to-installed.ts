/**
 * How long a developer waits: from dput's exit until a fresh `apt-get update` lists the version, with lintian. Cold: no
 * dependency layer is there, only the base layer; warm: everything is. Beside it, in turn, plain
 * `sbuild --chroot-mode=unshare` (lintian on) with `reprepro include`, from sbuild's start.
 * Usage: node bench/upload-to-installed.ts [--rounds N] [--only trivial|debhelper|hello]… [--json]
 * Needs `tools/build`, an ordinary user with a subuid range, sbuild, mmdebstrap, reprepro; 3 GiB below /var/tmp; with 5 rounds about
 * half an hour.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { Daemon } from "../test/support/daemon.ts";
import { readHostRelease } from "../test/support/host-archive.ts";
import { plainCatalog } from "../test/support/plain-catalog.ts";
import { alternate } from "./support/alternate.ts";
import { benchArguments } from "./support/arguments.ts";
import { forgetDependencyLayers, type MeasuredUpload, measureUpload } from "./support/our-side.ts";
import { type BenchRow, benchRow, printReport, tell } from "./support/report.ts";
import { SbuildReprepro } from "./support/sbuild-reprepro.ts";
import { debhelperSeries, debianSeries, type SourceSeries, trivialSeries } from "./support/source-series.ts";
import { median } from "./support/statistics.ts";
import { TIMELINE_PARTS } from "./support/upload-timeline.ts";

const PACKAGES = ["trivial", "debhelper", "hello"] as const;
type PackageName = (typeof PACKAGES)[number];

/**
 * Warm. A package that costs nothing to build has its goal in seconds; one that is compiled as a part of what the peer
 * needs in the same run, since the machine's share in it is the same for both.
 */
const WARM_GOALS: Readonly<Record<PackageName, (peerSeconds: number) => number | undefined>> = {
  trivial: () => 5,
  debhelper: () => undefined,
  hello: (peerSeconds) => peerSeconds / 2.5,
};

const { rounds, json, only } = benchArguments(
  "node bench/upload-to-installed.ts [--rounds N] [--only PACKAGE]… [--json]",
  PACKAGES,
);
const release = await readHostRelease();
const distribution = `${release.codename}-test-unstable`;
const scratch = await mkdtemp("/var/tmp/mini-buildd-bench-");
const daemon = await Daemon.make({ catalog: plainCatalog(release, { lintian: "ignore" }) });
let peer: SbuildReprepro | undefined;
try {
  await daemon.start();
  await daemon.apply();
  peer = await SbuildReprepro.make(release);
  const rows: BenchRow[] = [];
  for (const name of PACKAGES) {
    if (only.length === 0 || only.includes(name)) rows.push(...(await measurePackage(name, peer)));
  }
  printReport("From dput's exit to a fresh apt-get update that lists the version", rows, { json });
} finally {
  await daemon.remove();
  await peer?.remove();
  await rm(scratch, { recursive: true, force: true });
}

async function measurePackage(name: PackageName, peer: SbuildReprepro): Promise<BenchRow[]> {
  const series = await openSeries(name);
  const uploads: Record<"cold" | "warm", MeasuredUpload[]> = { cold: [], warm: [] };
  const measure = async (how: "cold" | "warm"): Promise<number> => {
    const upload = await measureUpload(daemon, await series.next(), distribution, release.architecture);
    uploads[how].push(upload);
    return upload.seconds;
  };

  tell(`${name}: one upload before, for the base layer`);
  await measureUpload(daemon, await series.next(), distribution, release.architecture);
  const seconds = await alternate(rounds, {
    warm: () => measure("warm"),
    peer: async () => peer.measure(await series.next()),
    // Ends with everything there, as the next warm one needs it.
    cold: async () => {
      await forgetDependencyLayers(daemon);
      return measure("cold");
    },
  });

  const beside = { name: SbuildReprepro.description, value: median(seconds.peer) };
  return (["warm", "cold"] as const).flatMap((how) => [
    benchRow({
      metric: `${name}, ${how}`,
      value: median(seconds[how]),
      unit: "s",
      peer: beside,
      goalMax: how === "warm" ? WARM_GOALS[name](beside.value) : undefined,
    }),
    ...TIMELINE_PARTS.map((part) =>
      benchRow({
        metric: `  ${name}, ${how}: ${part}`,
        value: median(uploads[how].map(({ parts }) => parts[part] ?? Number.NaN)),
        unit: "s",
      }),
    ),
  ]);
}

async function openSeries(name: PackageName): Promise<SourceSeries> {
  const options = { directory: join(scratch, name), distribution, versionSuffix: "+bench" };
  if (name === "trivial") return trivialSeries(options);
  if (name === "debhelper") return debhelperSeries(options);
  return debianSeries(name, release, options);
}
