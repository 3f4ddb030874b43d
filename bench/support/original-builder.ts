import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { runChecked } from "../../src/runtime/index.ts";
import { freePort } from "../../test/support/daemon.ts";
import { type HostRelease, hostAcquireOptions, readHostRelease } from "../../test/support/host-archive.ts";
import { logIntoOriginal } from "./original-login.ts";
import type { OriginalAddress } from "./original-uploads.ts";

const ORIGINAL_RELEASE = "bookworm";
const HOME = "/var/lib/mini-buildd";
const PASSWORD = "bench";
const ARCHITECTURE = "amd64";
const INSTALL_TIMEOUT_MS = 1_800_000;
const START_TIMEOUT_MS = 120_000;

/** Mounts are those of a mount namespace, which ends with its first process: nothing of them is seen outside, or left. */
const MOUNTS = `
mount --make-rprivate /
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount -t sysfs sys "$1/sys"
mount -t tmpfs run "$1/run"
mkdir -p "$1/run/lock" "$1/run/schroot"
`;
const AS_ITS_USER = `setpriv --reuid=mini-buildd --regid=mini-buildd --init-groups env HOME=${HOME} LC_ALL=C.UTF-8 `;

/**
 * Debian's mini-buildd, the original, from backports in a chroot, building in chroots of its own with schroot and sbuild as
 * its package sets them up. For root, on a machine of the release it is in the backports of. Some three minutes, most of
 * them debootstrap's.
 */
export class OriginalBuilder {
  readonly address: OriginalAddress;
  readonly #scratch: string;
  readonly #daemon: ChildProcess;

  private constructor(scratch: string, address: OriginalAddress, daemon: ChildProcess) {
    this.#scratch = scratch;
    this.address = address;
    this.#daemon = daemon;
  }

  static async start(): Promise<OriginalBuilder> {
    const release = await readHostRelease();
    if (release.codename !== ORIGINAL_RELEASE) throw new Error(`the original is in the backports of ${ORIGINAL_RELEASE} only`);
    const scratch = await mkdtemp("/var/tmp/mini-buildd-original-");
    // Who uploads to it reads its events.
    await chmod(scratch, 0o755);
    try {
      const root = join(scratch, "root");
      await install(root, release);
      await inChroot(root, `cd ${HOME}\n${AS_ITS_USER} mini-buildd -P ${PASSWORD}\nexit`);
      const [httpPort, ftpPort] = [await freePort(), await freePort()];
      const url = `http://127.0.0.1:${httpPort}`;
      const daemon = startDaemon(root, httpPort);
      const address = { url, ftpPort, eventsDirectory: join(root, HOME, "var/events") };
      const original = new OriginalBuilder(scratch, address, daemon);
      try {
        await answers(url);
        await setUp(address, join(root, HOME, "config.sqlite"), archivesOf(release));
      } catch (error) {
        original.#kill();
        throw error;
      }
      return original;
    } catch (error) {
      await rm(scratch, { recursive: true, force: true });
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#kill();
    // Its last processes may still be ending.
    await rm(this.#scratch, { recursive: true, force: true, maxRetries: 10, retryDelay: 500 });
  }

  #kill(): void {
    // The first process of its pid namespace goes with it, so everything does.
    this.#daemon.kill("SIGKILL");
  }
}

async function install(root: string, release: HostRelease): Promise<void> {
  const own = release.sources.map(({ deb822 }) => deb822.trimEnd());
  const backports = (own[0] ?? "").replace(/^Suites:.*$/m, `Suites: ${ORIGINAL_RELEASE}-backports`);
  const sourcesPath = join(dirname(root), "host.sources");
  await writeFile(sourcesPath, [...own, backports].join("\n\n"));
  const lines = await hostAcquireOptions();
  const argv = ["mmdebstrap", "--mode=root", "--variant=minbase", "--include=ca-certificates"] as const;
  await runChecked({
    argv: [...argv, ...lines.map((line) => `--aptopt=${line}`), ORIGINAL_RELEASE, root, sourcesPath],
    timeoutMs: INSTALL_TIMEOUT_MS,
    keepTail: true,
  });
  // As the chroot's APT, that of its own chroots finds the mirror by the host's names.
  await runChecked({ argv: ["cp", "--dereference", "/etc/resolv.conf", "/etc/hosts", join(root, "etc")] });
  await mkdir(join(root, "usr/sbin"), { recursive: true });
  await writeFile(join(root, "usr/sbin/policy-rc.d"), "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  await inChroot(
    root,
    `export DEBIAN_FRONTEND=noninteractive; apt-get -q update; apt-get -qy install -t ${ORIGINAL_RELEASE}-backports --no-install-recommends mini-buildd`,
  );
}

async function inChroot(root: string, script: string): Promise<void> {
  await runChecked({ argv: chrootCommand(root, script), timeoutMs: INSTALL_TIMEOUT_MS, keepTail: true });
}

function startDaemon(root: string, port: number): ChildProcess {
  const script = `cd ${HOME}\n${AS_ITS_USER} mini-buildd -N localhost -E tcp:interface=127.0.0.1:port=${port}\nexit`;
  // The shell stays root's first process: who changes the user is no longer killed with unshare.
  const [program, ...args] = chrootCommand(root, script);
  return spawn("setpriv", ["--pdeathsig", "KILL", program, ...args], { stdio: "ignore" });
}

function chrootCommand(root: string, script: string): [string, ...string[]] {
  const outer = `set -e\n${MOUNTS}\nexec chroot "$1" sh -ec "$2"`;
  return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", outer, "sh", root, script];
}

async function answers(url: string): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const isUp = await fetch(`${url}/mini_buildd/api/status/?output=json`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) return;
    if (performance.now() > deadline) throw new Error("the original does not answer");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** As this machine's own APT has them. */
function archivesOf({ sources }: HostRelease): string[] {
  const uris = sources.flatMap(({ deb822 }) => /^URIs: (.*)$/m.exec(deb822)?.[1]?.split(" ") ?? []);
  return [...new Set(uris.map((uri) => `${uri.replace(/\/$/, "")}/`))];
}

/** One repository, and a chroot for its release in a directory, its default. It answers when the chroot is made. */
async function setUp({ url, ftpPort }: OriginalAddress, configPath: string, archives: readonly string[]): Promise<void> {
  const cookie = await logIntoOriginal(url, PASSWORD);
  const call = (name: string, query: Readonly<Record<string, string>>): Promise<void> =>
    callSlowly(
      `${url}/mini_buildd/api/${name}/?${new URLSearchParams({ output: "json", confirm: name, ...query }).toString()}`,
      cookie,
    );
  const wanted = {
    pca: "all",
    identity: "bench",
    ftp_endpoint: `tcp:interface=127.0.0.1:port=${ftpPort}`,
    archives: archives.join(","),
    sources: ORIGINAL_RELEASE,
    distributions: `${ORIGINAL_RELEASE}:${ARCHITECTURE}`,
    repositories_from_distributions: "test",
    chroots: `${ORIGINAL_RELEASE}:${ARCHITECTURE}`,
    chroots_backend: "Dir",
  };
  await call("setup", { ...wanted, update: "all" });
  forgetSloppy(configPath);
  await call("setup", wanted);
  await call("stop", {});
  await call("start", {});
}

/** Its distributions use backports-sloppy, which mirrors lack where it is empty; without it the repository stays inactive. */
function forgetSloppy(configPath: string): void {
  const database = new DatabaseSync(configPath);
  try {
    database.exec(`PRAGMA busy_timeout = 20000;
      DELETE FROM mini_buildd_distribution_extra_sources WHERE prioritysource_id IN (
        SELECT priority.id FROM mini_buildd_prioritysource AS priority
        JOIN mini_buildd_source AS source ON source.id = priority.source_id WHERE source.codename LIKE '%-sloppy')`);
  } finally {
    database.close();
  }
}

/** By curl: fetch gives up after five minutes without an answer. */
async function callSlowly(url: string, cookie: string): Promise<void> {
  const argv = ["curl", "--silent", "--show-error", "--fail-with-body", "--cookie", cookie, url] as const;
  await runChecked({ argv, timeoutMs: INSTALL_TIMEOUT_MS, keepTail: true });
}
