import { createHash } from "node:crypto";
import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { OrderAptSource } from "../buildorder/index.ts";
import { AppError, type Clock, type Logger, runCommand, writeFileAtomically } from "../runtime/index.ts";
import type { BuildSources } from "./catalog.ts";

export interface PackageListsOptions {
  /** HOME/cache/package-lists */
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of the catalog in force; throws what it throws. */
  readonly buildSources: (codename: string) => BuildSources;
  /** apt's options to fetch as this machine does: proxies, retries. */
  readonly fetchOptions: () => Promise<readonly string[]>;
}

/** Base releases change some times a day, at most. */
const AGE_MS_MAX = 6 * 60 * 60 * 1000;
const UPDATE_TIMEOUT_MS = 5 * 60_000;

/**
 * What packages the archive sources of a codename have, by an apt of our own that shares nothing with the machine's but
 * the way to the network. Needs no testbed and no builder, and takes any architecture.
 */
export class PackageLists {
  readonly #options: PackageListsOptions;
  readonly #updating = new Map<string, Promise<void>>();

  constructor(options: PackageListsOptions) {
    this.#options = options;
  }

  /**
   * Paths of uncompressed Packages files, refreshed when they are some hours old; where that fails the old ones will
   * do. Throws MIRROR_UNAVAILABLE (unavailable), and what buildSources throws.
   */
  async listPackagesFiles(codename: string, architecture: string): Promise<readonly string[]> {
    const { base, extra } = this.#options.buildSources(codename);
    const sources = [...base, ...extra];
    const root = new AptRoot(join(this.#options.directory, `${codename}-${architecture}`), architecture, sources);
    if (!(await this.#isFresh(root))) await this.#updateOnce(root);
    return root.listFiles();
  }

  async #isFresh(root: AptRoot): Promise<boolean> {
    const updatedAt = await root.updatedAt();
    const ageMs = updatedAt === undefined ? Number.POSITIVE_INFINITY : this.#options.clock.now().getTime() - updatedAt.getTime();
    return ageMs >= 0 && ageMs <= AGE_MS_MAX;
  }

  async #updateOnce(root: AptRoot): Promise<void> {
    const running = this.#updating.get(root.path) ?? this.#update(root);
    this.#updating.set(root.path, running);
    try {
      await running;
    } finally {
      this.#updating.delete(root.path);
    }
  }

  async #update(root: AptRoot): Promise<void> {
    try {
      await root.update(await this.#options.fetchOptions());
      await root.noteUpdate(this.#options.clock.now());
    } catch (error) {
      if ((await root.updatedAt()) === undefined) throw error;
      this.#options.logger.warn("package lists could not be refreshed; the old ones are used", { path: root.path, error });
    }
  }
}

/** A private root for apt. Other sources make it another one: what was noted of it names them. */
class AptRoot {
  readonly path: string;
  readonly #architecture: string;
  readonly #sources: string;
  readonly #notePath: string;

  constructor(path: string, architecture: string, sources: readonly OrderAptSource[]) {
    this.path = path;
    this.#architecture = architecture;
    this.#sources = sources.map(({ deb822 }) => `${deb822.trim()}\n\n`).join("");
    const digest = createHash("sha256").update(this.#sources).digest("hex").slice(0, 16);
    this.#notePath = join(path, `updated-${digest}`);
  }

  async updatedAt(): Promise<Date | undefined> {
    return stat(this.#notePath).then(
      ({ mtime }) => mtime,
      () => undefined,
    );
  }

  async noteUpdate(at: Date): Promise<void> {
    await writeFileAtomically(this.#notePath, Buffer.from(`${at.toISOString()}\n`));
  }

  async update(fetchOptions: readonly string[]): Promise<void> {
    if ((await this.updatedAt()) === undefined) await rm(this.path, { recursive: true, force: true });
    for (const name of ["sources", "lists/partial", "cache"]) await mkdir(join(this.path, name), { recursive: true });
    await writeFile(join(this.path, "status"), "");
    await writeFile(join(this.path, "sources/base.sources"), this.#sources);
    await writeFile(join(this.path, "apt.conf"), this.#configuration());
    await this.#apt([...fetchOptions, "update"], UPDATE_TIMEOUT_MS);
  }

  async listFiles(): Promise<string[]> {
    const targets = await this.#apt(["indextargets", "--format", "$(FILENAME)", "Created-By: Packages"], 60_000);
    return targets
      .toString("utf8")
      .split("\n")
      .filter((path) => path !== "");
  }

  async #apt(args: readonly string[], timeoutMs: number): Promise<Buffer> {
    const argv = ["apt-get", "-q", ...args] as const;
    const ended = await runCommand({ argv, env: { APT_CONFIG: join(this.path, "apt.conf") }, timeoutMs });
    if (ended.reason === "exited" && ended.exitCode === 0) return ended.stdout;

    throw new AppError({
      kind: "unavailable",
      code: "PACKAGE_LISTS_UNAVAILABLE",
      message: "the package lists of the base archive could not be downloaded",
      hint: "Check that the archive source can be reached; a mirror in mid-sync passes by itself",
      cause: ended.stderr.toString("utf8").trim().split("\n").slice(-5).join("\n"),
    });
  }

  /** Read before the machine's own parts would be, so that it can turn those off. */
  #configuration(): string {
    const { path } = this;
    return `${[
      `Dir "${path}"; Dir::Etc "${path}"; Dir::Etc::main "none"; Dir::Etc::parts "none";`,
      `Dir::Etc::sourcelist "/dev/null"; Dir::Etc::sourceparts "${path}/sources"; Dir::Etc::preferences "none";`,
      `Dir::Etc::preferencesparts "none"; Dir::Etc::trusted "none"; Dir::Etc::trustedparts "none";`,
      `Dir::State "${path}"; Dir::State::lists "${path}/lists"; Dir::State::status "${path}/status";`,
      `Dir::Cache "${path}/cache"; Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";`,
      `APT::Architecture "${this.#architecture}"; APT::Architectures { "${this.#architecture}"; };`,
      // They are read by others than apt.
      `Acquire::GzipIndexes "false"; Acquire::Languages "none"; Debug::NoLocking "true"; APT::Sandbox::User "";`,
      'Acquire::Check-Valid-Until "false";',
    ].join("\n")}\n`;
  }
}
