/**
 * buildorder: the messages between farm and builder. They could travel over HTTP: plain JSON values, no paths of
 * the farm's machine. Pure.
 *
 * A builder gets a BuildOrder, reports each step with StepReports while it works, streams the log, and ends with
 * one BuildResult. `attempt` is the fencing number: a report or result of an older attempt is refused.
 */

import type { BuildFailure } from "./failure.ts";

export { type BuildFailure, buildFailure, FAILURE_CLASSES, type FailureClass, type LogExcerpt } from "./failure.ts";

/** In this order; "checks" holds lintian, autopkgtest and piuparts, side by side. */
export const BUILD_STEPS = ["prepare", "build", "checks", "deliver"] as const;
export type BuildStep = (typeof BUILD_STEPS)[number];

/** One entry of an APT source as deb822 text, with the key inline (Signed-By), and how it is pinned. */
export interface OrderAptSource {
  /** Stable name, used for file names: [a-z0-9-]+ */
  readonly name: string;
  /** deb822 `.sources` stanza, complete. */
  readonly deb822: string;
  /** apt_preferences stanza text, or absent for apt's default. */
  readonly preferences?: string | undefined;
  /** Text that, when it changes, makes cached layers stale (e.g. the generation of our own distribution). */
  readonly revision?: string | undefined;
  /** Only looked at when the other sources cannot satisfy the build dependencies. */
  readonly onlyIfNeeded?: boolean | undefined;
}

export interface OrderFile {
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** What a check's findings do: it is not run; run, but never fatal; errors are fatal; warnings too. */
export type CheckMode = "disabled" | "ignore" | "errfail" | "warnfail";

export const CHECK_NAMES = ["lintian", "autopkgtest", "piuparts"] as const;
export type CheckName = (typeof CHECK_NAMES)[number];

export interface BuildOrder {
  readonly buildId: string;
  readonly attempt: number;
  readonly source: string;
  /** That is made; of a binNMU not that of the source package. */
  readonly version: string;
  /** Only the architecture's own packages are made again, from a source package that is in the archive. Absent: not so. */
  readonly binNmu?: OrderBinNmu | undefined;
  /** What the build's changelog-independent Distribution is: goes to sbuild's --dist. */
  readonly distribution: string;
  readonly codename: string;
  readonly architecture: string;
  /** This build also makes the arch:all packages. */
  readonly buildsAll: boolean;
  /** Of an upload's builds this one has lintian look at the source package. Absent: no. */
  readonly lintsSource?: boolean | undefined;
  /** The base archive: what the base layer is bootstrapped from (first) and further sources of the base. */
  readonly baseSources: readonly OrderAptSource[];
  /** Further sources for build dependencies: extra archive sources, our own distributions. */
  readonly extraSources: readonly OrderAptSource[];
  readonly components: readonly string[];
  /** Further packages in the base layer. Absent: none. */
  readonly basePackages?: readonly string[] | undefined;
  /** `Key=Value` for APT in the testbed. Absent: none. */
  readonly aptOptions?: readonly string[] | undefined;
  /** The .dsc's name; it is one of `files`. */
  readonly dscName: string;
  readonly files: readonly OrderFile[];
  readonly lintianMode: CheckMode;
  /** Absent: disabled. */
  readonly autopkgtestMode?: CheckMode | undefined;
  /** Absent: disabled. */
  readonly piupartsMode?: CheckMode | undefined;
  /** Binary packages of this source that the distribution has now: what users upgrade from. Absent: none. */
  readonly previousBinaries?: readonly OrderBinary[] | undefined;
  readonly debBuildOptions: readonly string[];
  readonly debBuildProfiles: readonly string[];
  readonly addDepends: readonly string[];
  /** Of a build dependency with alternatives any will do. Absent: only the first, as sbuild. */
  readonly takesAlternatives?: boolean | undefined;
  /** Root runs it in the testbed before the build. */
  readonly setupScript?: string | undefined;
  /** What is compiled is kept for later builds of this source package in this repository. Absent: it is not. */
  readonly compilerCache?: { readonly repository: string } | undefined;
  /** dpkg-buildpackage runs under eatmydata, which is in the base layer. */
  readonly eatmydata?: boolean | undefined;
  readonly limits: { readonly timeoutMs: number; readonly silenceTimeoutMs: number; readonly logSizeBytesMax: number };
}

export interface OrderBinNmu {
  /** Of the source package. */
  readonly sourceVersion: string;
  /** A whole entry for the top of debian/changelog. */
  readonly changelogEntry: string;
}

export interface OrderBinary {
  readonly name: string;
  readonly version: string;
}

export interface StepReport {
  readonly step: BuildStep;
  readonly type: "started" | "ended";
  /** On "ended". */
  readonly outcome?: "ok" | "package-failed" | "environment-failed" | "dependencies-missing" | "skipped" | undefined;
  /** One line for people: "dependency layer made in 4.1 s (12 packages)". */
  readonly note?: string | undefined;
  readonly at: Date;
}

/**
 * How a build ended.
 * - built: files are there.
 * - skipped: nothing is to be built for this architecture.
 * - package-failed: the package's own fault; ends the build; the reason goes to the uploader.
 * - environment-failed: ours or the world's; retried with backoff.
 * - dependencies-missing: the build dependencies cannot be had now; retried when that may have changed.
 */
export type BuildStatus = "built" | "skipped" | "package-failed" | "environment-failed" | "dependencies-missing" | "cancelled";

/** Build dependencies that cannot be had. */
export interface MissingDependencies {
  /** As in Build-Depends: "libfoo-dev (>= 2)". Empty when apt does not say which. */
  readonly relations: readonly string[];
  /** Something that they need in turn is missing too, or instead. */
  readonly isDeep: boolean;
  /** What APT knew of their packages. Absent in results of older builders. */
  readonly known?: readonly KnownVersion[] | undefined;
}

/** A version that an archive source has, whether it will do or not. */
export interface KnownVersion {
  readonly name: string;
  readonly version: string;
  /** Suite and component: "trixie/main". */
  readonly from: string;
}

/** - error: the check itself broke. - skipped: there was nothing to check. */
export type CheckOutcome = "pass" | "warn" | "fail" | "error" | "skipped" | "disabled";

/** One test of autopkgtest or phase of piuparts. - flaky: it failed, and is known to now and then. */
export interface CheckTest {
  readonly name: string;
  readonly outcome: "pass" | "fail" | "flaky" | "skip";
  /** Why, when not "pass". */
  readonly details: string;
}

export interface CheckResult {
  readonly name: CheckName;
  readonly outcome: CheckOutcome;
  readonly summary: string;
  /** Of autopkgtest and piuparts. */
  readonly tests?: readonly CheckTest[] | undefined;
  /** Of lintian. */
  readonly tags: readonly {
    readonly level: "E" | "W" | "I" | "P" | "X" | "O" | "C";
    readonly package: string;
    readonly tag: string;
    readonly details: string;
  }[];
}

export interface BuildResult {
  readonly status: BuildStatus;
  /** For people, when not "built": what, where, what to do. */
  readonly reason?: string | undefined;
  readonly failedStep?: BuildStep | undefined;
  /** When it failed. Absent in results of older builders. */
  readonly failure?: BuildFailure | undefined;
  /** When "dependencies-missing". */
  readonly missing?: MissingDependencies | undefined;
  /** .deb, .udeb, .ddeb, .buildinfo, .changes. */
  readonly files: readonly OrderFile[];
  /** When not "built": what it had made by then, for people. Never installed. */
  readonly products?: readonly OrderFile[] | undefined;
  /** When not "built", and what it left in its testbed is kept: until when (ISO 8601), at the latest. */
  readonly testbedKeptUntil?: string | undefined;
  readonly checks: readonly CheckResult[];
}
