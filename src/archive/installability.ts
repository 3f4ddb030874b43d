import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Kysely } from "kysely";
import type { DatabaseLocation, Schema } from "../database/index.ts";
import { compareVersions, type Version } from "../formats/index.ts";
import { AppError, asAppError, commandError, type Logger, runCommand } from "../runtime/index.ts";
import { type BrokenPackage, parseDebcheck } from "./debcheck-report.ts";
import { writeUniverseInChild } from "./installability-child.ts";
import type { JudgedPackage, PackageSet } from "./installability-universe.ts";
import { findNewestSource } from "./list-packages.ts";
import type { MigrationHop, MigrationPlan, MigrationProblem } from "./migration-plan.ts";

/** The archive that a codename's packages are installed on; our archive knows only its own packages. */
export interface BaseArchive {
  /**
   * Files in the format of Packages, uncompressed: all that apt sees of the codename's archive sources. Throws when
   * they cannot be had now.
   */
  listPackagesFiles(codename: string, architecture: string): Promise<readonly string[]>;
}

/** A package that could be installed from the target before, or is new there, and could not be after. */
export interface Breakage extends BrokenPackage {
  readonly source: string;
  /** It comes with the migration itself. */
  readonly isComing: boolean;
  /** A newer version of its source package stays behind where the migration comes from: migrating that too may help. */
  readonly waitingVersion: string | undefined;
}

export interface HopInstallability {
  readonly breaks: readonly Breakage[];
  /** Architectures. */
  readonly checked: readonly string[];
  readonly unchecked: readonly { readonly architecture: string; readonly reason: string }[];
}

export interface InstallabilityOptions {
  readonly db: Kysely<Schema>;
  /** Of the same database, for a child process. */
  readonly location: DatabaseLocation;
  /** HOME/cache: what can be made again. */
  readonly cachePath: string;
  readonly baseArchive: BaseArchive;
  readonly logger: Logger;
}

const DEBCHECK_TIMEOUT_MS = 5 * 60_000;
const REPORT_BYTES_MAX = 64 * 1024 ** 2;

/**
 * Judges what a migration does to the installability of the target's packages, by dose-debcheck: before and after,
 * over the newest version of each source package there, together with the base archive. Only what breaks newly counts.
 */
export class Installability {
  readonly #options: InstallabilityOptions;
  /** One after the other: each takes a processor and some memory. */
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: InstallabilityOptions) {
    this.#options = options;
  }

  judge(plan: MigrationPlan, hop: MigrationHop): Promise<HopInstallability> {
    const judged = this.#running.then(() => this.#judge(plan, hop));
    this.#running = judged.catch(() => {});
    return judged;
  }

  async #judge(plan: MigrationPlan, hop: MigrationHop): Promise<HopInstallability> {
    // arch:all packages break on every architecture: said once.
    const breaks = new Map<string, Breakage>();
    const checked: string[] = [];
    const unchecked: { architecture: string; reason: string }[] = [];
    for (const architecture of hop.to.settings.architectures) {
      try {
        for (const broken of await this.#judgeArchitecture(plan, hop, architecture)) {
          breaks.set([broken.name, broken.version, broken.architecture].join(" "), broken);
        }
        checked.push(architecture);
      } catch (error) {
        const distribution = hop.to.settings.name;
        this.#options.logger.warn("installability could not be judged", { distribution, architecture, error });
        unchecked.push({ architecture, reason: asAppError(error).message });
      }
    }
    return { breaks: [...breaks.values()], checked, unchecked };
  }

  async #judgeArchitecture(plan: MigrationPlan, hop: MigrationHop, architecture: string): Promise<Breakage[]> {
    const { baseArchive, cachePath, location } = this.#options;
    const { settings, change } = hop.to;
    const basePaths = await baseArchive.listPackagesFiles(settings.codename, architecture);

    const directory = join(cachePath, "installability");
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { recursive: true });
    try {
      const entering = plan.packages.map(({ id }) => id);
      const leaving = [...hop.newer, ...hop.dropped].map((version) => ({ source: plan.source, version }));
      const movement = { distribution: settings.name, change, architecture, entering, leaving };
      const { before, after } = await writeUniverseInChild(location, { directory, cachePath, basePaths, ...movement });
      const brokenBefore = new Set((await debcheck(before, architecture)).map(({ name }) => name));
      const broken = (await debcheck(after, architecture)).filter(({ name }) => !brokenBefore.has(name));
      return await Promise.all(broken.map((each) => this.#describe(plan, hop, { broken: each, judged: after.judged })));
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  async #describe(
    plan: MigrationPlan,
    hop: MigrationHop,
    { broken, judged }: { broken: BrokenPackage; judged: readonly JudgedPackage[] },
  ): Promise<Breakage> {
    const { source = broken.name, sourceVersion = broken.version } =
      judged.find(({ name, version }) => name === broken.name && version === broken.version) ?? {};
    const isComing = source === plan.source;
    const below = isComing ? undefined : await findNewestSource(this.#options.db, source, hop.from);
    const isWaiting = below !== undefined && compareVersions(below.version, sourceVersion as Version) > 0;
    return { ...broken, source, isComing, waitingVersion: isWaiting ? below.version : undefined };
  }
}

/** Exit status 1: some are broken. */
async function debcheck(packages: PackageSet, architecture: string): Promise<BrokenPackage[]> {
  if (packages.judged.length === 0) return [];

  const [...files] = ["--fg", packages.foregroundPath, "--bg", packages.backgroundPath];
  const argv = ["dose-debcheck", "--explain", "--failures", `--deb-native-arch=${architecture}`, ...files] as const;
  const ended = await runCommand({ argv, timeoutMs: DEBCHECK_TIMEOUT_MS, outputBytesMax: REPORT_BYTES_MAX });
  if (ended.reason === "exited" && (ended.exitCode === 0 || ended.exitCode === 1))
    return parseDebcheck(ended.stdout.toString("utf8"));

  throw new AppError({
    kind: "unavailable",
    code: "DEBCHECK_FAILED",
    message: "dose-debcheck could not judge the packages",
    hint: "Install Debian's package dose-distcheck; the cause is in the daemon's log",
    cause: commandError(argv, ended),
  });
}

const BREAKS_SHOWN_MAX = 20;

/** What speaks against a migration, of the result. */
export function installabilityProblems({ to }: MigrationHop, { breaks, unchecked }: HopInstallability): MigrationProblem[] {
  const distribution = to.settings.name;
  const shown = breaks.slice(0, BREAKS_SHOWN_MAX).map(
    (broken): MigrationProblem => ({
      code: "MIGRATION_BREAKS",
      distribution,
      message: `${broken.name} ${broken.version} (${broken.architecture}) ${broken.isComing ? "could not be installed" : "could not be installed any more"} from ${distribution}: ${broken.reasons.join("; ") || "no reason was found"}`,
      hint:
        broken.waitingVersion &&
        `${broken.source} ${broken.waitingVersion} waits below: migrate that first, if it can do without`,
    }),
  );
  const more = breaks.length - shown.length;
  const rest: MigrationProblem = { code: "MIGRATION_BREAKS", distribution, message: `and ${more} more could not be installed` };
  return [
    ...shown,
    ...(more > 0 ? [rest] : []),
    ...unchecked.map(
      ({ architecture, reason }): MigrationProblem => ({
        code: "MIGRATION_UNCHECKED",
        distribution,
        message: `whether everything in ${distribution} could still be installed on ${architecture} is not known: ${reason}`,
        hint: "Try again later, or force it",
      }),
    ),
  ];
}
