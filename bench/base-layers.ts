/**
 * A base layer of this machine's release, beside what the original does for its chroots: debootstrap's variant buildd,
 * as root. An ordinary user needs `sudo` for that, else it is not measured, and that is said; when root runs this, what is
 * ours runs as the user that owns this file.
 * Usage: node bench/base-layers.ts [--rounds N] [--json]
 * Needs a user with a subuid range, mmdebstrap, debootstrap; 2 GiB below /var/tmp; some minutes.
 */
import { mkdtemp, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { runChecked, runCommand, silentLogger, systemClock } from "../src/runtime/index.ts";
import { Testbeds } from "../src/testbed/index.ts";
import { readHostRelease } from "../test/support/host-archive.ts";
import { alternate } from "./support/alternate.ts";
import { benchArguments } from "./support/arguments.ts";
import { benchRow, printReport, tell } from "./support/report.ts";
import { median } from "./support/statistics.ts";

const RATIO_MAX = 0.5;
const TIMEOUT_MS = 1_800_000;

const { rounds, json, flags } = benchArguments("node bench/base-layers.ts [--rounds N] [--json]", [], ["ours-once"]);
if (flags.includes("ours-once")) process.stdout.write(`${await makeBase()}\n`);
else await compare();

async function compare(): Promise<void> {
  const asRoot = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
  const canBeRoot = await runs([...asRoot, "debootstrap", "--version"]);
  if (!canBeRoot) tell("debootstrap is not measured: it is not installed, or needs root, by sudo");
  const { ours, theirs } = canBeRoot
    ? await alternate(rounds, { ours: timeOurs, theirs: () => debootstrap(asRoot) })
    : { ...(await alternate(rounds, { ours: timeOurs })), theirs: [] };
  const peer = theirs.length === 0 ? undefined : { name: "debootstrap --variant=buildd", value: median(theirs) };
  const goalMax = peer === undefined ? undefined : peer.value * RATIO_MAX;
  printReport("Base layers", [benchRow({ metric: "base layer", value: median(ours), unit: "s", peer, goalMax })], { json });
}

/** In a process of an ordinary user, who has a subuid range. */
async function timeOurs(): Promise<number> {
  const owner = await stat(import.meta.filename);
  const asUser =
    process.getuid?.() === 0 ? ["setpriv", `--reuid=${owner.uid}`, `--regid=${owner.gid}`, "--init-groups", "--"] : [];
  const argv = [...asUser, process.execPath, import.meta.filename, "--ours-once"];
  const ended = await runChecked({ argv: argv as [string, ...string[]], timeoutMs: TIMEOUT_MS, keepTail: true });
  return Number(ended.stdout.toString("utf8"));
}

/** Seconds. */
async function makeBase(): Promise<number> {
  const release = await readHostRelease();
  const scratch = await mkdtemp("/var/tmp/mini-buildd-bench-");
  const testbeds = await Testbeds.open({ directory: join(scratch, "testbeds"), clock: systemClock, logger: silentLogger });
  try {
    const startMs = performance.now();
    await testbeds.ensureBaseLayer({ ...release, components: ["main"] });
    return (performance.now() - startMs) / 1_000;
  } finally {
    await testbeds.close();
    const argv = ["mmdebstrap", "--unshare-helper", "sh", "-c", "rm -rf -- *"] as const;
    await runChecked({ argv, cwd: join(scratch, "testbeds/store"), timeoutMs: TIMEOUT_MS });
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Seconds. From the same archive, the first that the release has. */
async function debootstrap(asRoot: readonly string[]): Promise<number> {
  const { codename, sources } = await readHostRelease();
  const uri = /^URIs: (\S+)/m.exec(sources[0]?.deb822 ?? "")?.[1] ?? "";
  const scratch = await mkdtemp("/var/tmp/mini-buildd-bench-");
  const directory = join(scratch, "root");
  const run = (...argv: readonly string[]) =>
    runChecked({ argv: [...asRoot, ...argv] as [string, ...string[]], timeoutMs: TIMEOUT_MS, keepTail: true });
  try {
    const startMs = performance.now();
    await run("debootstrap", "--variant=buildd", codename, directory, uri);
    return (performance.now() - startMs) / 1_000;
  } finally {
    // It mounts /proc and /sys there, and may end before it has unmounted them.
    for (const mounted of ["proc", "sys"])
      await run("umount", "--quiet", "--recursive", join(directory, mounted)).catch(() => {});
    await run("rm", "-rf", "--one-file-system", directory);
    await rm(scratch, { recursive: true, force: true });
  }
}

async function runs(argv: readonly string[]): Promise<boolean> {
  return (await runCommand({ argv: argv as [string, ...string[]] })).exitCode === 0;
}
