import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runChecked } from "../../src/runtime/index.ts";
import { type HostRelease, hostAcquireOptions } from "./host-archive.ts";

const BOOTSTRAP_TIMEOUT_MS = 900_000;
const BUILD_TIMEOUT_MS = 1_800_000;

export interface PlainBuildOptions {
  /** sbuild installs it into the chroot of each build. Default: not. */
  readonly runLintian?: boolean;
  readonly profiles?: readonly string[];
}

export interface PlainBuild {
  /** Holds what was built. */
  readonly directory: string;
  /** The `.changes` of it. */
  readonly changesPath: string;
  readonly log: string;
}

/**
 * `sbuild --chroot-mode=unshare` as anybody runs it, on a tarball that mmdebstrap made: nothing of ours takes part. For
 * ordinary users with a subuid range. Call remove() in the end.
 */
export class PlainSbuild {
  readonly #scratch: string;
  readonly #release: HostRelease;
  #builds = 0;

  private constructor(scratch: string, release: HostRelease) {
    this.#scratch = scratch;
    this.#release = release;
  }

  /** Bootstraps the host's own release from where the host's APT gets it. Half a minute. */
  static async make(release: HostRelease): Promise<PlainSbuild> {
    // Not below /tmp, which may be a tmpfs too small for chroots.
    const sbuild = new PlainSbuild(await mkdtemp("/var/tmp/mini-buildd-plain-sbuild-"), release);
    try {
      await sbuild.#makeHome();
      await sbuild.#makeTarball();
    } catch (error) {
      await sbuild.remove();
      throw error;
    }
    return sbuild;
  }

  /** Each build has a directory of its own. Throws with the end of the log when it fails. */
  async build(dscPath: string, options: PlainBuildOptions = {}): Promise<PlainBuild> {
    this.#builds += 1;
    const directory = join(this.#scratch, `build-${this.#builds}`);
    await mkdir(directory);
    const { architecture, codename } = this.#release;
    const ended = await runChecked({
      argv: [
        "sbuild",
        "--chroot-mode=unshare",
        `--chroot=${this.#tarballPath}`,
        `--dist=${codename}`,
        `--arch=${architecture}`,
        "--arch-all",
        "--nolog",
        options.runLintian === true ? "--run-lintian" : "--no-run-lintian",
        ...((options.profiles ?? []).length === 0 ? [] : [`--profiles=${options.profiles?.join(",")}`]),
        `--build-dir=${directory}`,
        dscPath,
      ],
      cwd: directory,
      env: { HOME: this.#scratch, LC_ALL: "C.UTF-8" },
      timeoutMs: BUILD_TIMEOUT_MS,
      keepTail: true,
    });
    const name = /([^/]+)\.dsc$/.exec(dscPath)?.[1] ?? "";
    const changesPath = join(directory, `${name}_${architecture}.changes`);
    return { directory, changesPath, log: ended.stdout.toString("utf8") };
  }

  /** What was built is no longer needed: keeps a long series within bounds on disk. */
  async discard(build: PlainBuild): Promise<void> {
    await rm(build.directory, { recursive: true, force: true });
  }

  async remove(): Promise<void> {
    // A build that was killed leaves its chroot, which belongs to subordinate ids.
    await runChecked({
      argv: ["mmdebstrap", "--unshare-helper", "rm", "-rf", "--one-file-system", this.#chrootsPath],
      timeoutMs: 120_000,
    }).catch(() => {});
    await rm(this.#scratch, { recursive: true, force: true });
  }

  get #tarballPath(): string {
    return join(this.#scratch, "chroot.tar");
  }

  get #chrootsPath(): string {
    return join(this.#scratch, "chroots");
  }

  async #makeHome(): Promise<void> {
    // Subordinate ids go through here to their chroots.
    await chmod(this.#scratch, 0o711);
    await mkdir(this.#chrootsPath);
    await chmod(this.#chrootsPath, 0o777);
    await writeFile(join(this.#scratch, ".sbuildrc"), `$unshare_tmpdir_template = '${this.#chrootsPath}/XXXXXXXXXX';\n1;\n`);
  }

  async #makeTarball(): Promise<void> {
    const { codename, architecture, sources } = this.#release;
    const sourcesPath = join(this.#scratch, "bootstrap.sources");
    await writeFile(sourcesPath, sources.map(({ deb822 }) => deb822.trimEnd()).join("\n\n"));
    await runChecked({
      argv: [
        "mmdebstrap",
        "--mode=unshare",
        "--variant=buildd",
        "--dpkgopt=force-unsafe-io",
        `--architectures=${architecture}`,
        ...(await hostAcquireOptions()).map((line) => `--aptopt=${line}`),
        codename,
        this.#tarballPath,
        sourcesPath,
      ],
      env: { HOME: this.#scratch, TMPDIR: this.#chrootsPath },
      timeoutMs: BOOTSTRAP_TIMEOUT_MS,
      keepTail: true,
    });
  }
}
