import type { OrderAptSource } from "../buildorder/index.ts";
import type { Clock, Limits, Logger } from "../runtime/index.ts";
import type { LimitPassed } from "./session-limits.ts";

export interface TestbedsOptions {
  /** HOME/testbeds; made if absent. Its file system must take overlays (ext4, xfs, btrfs, tmpfs; not another overlay). */
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How old downloaded package lists may be before they are refreshed. Default 15 minutes. */
  readonly listsAgeMsMax?: number | undefined;
  /** Of sessions and layers. Default: the program's. */
  readonly limits?: TestbedLimits | undefined;
}

export type TestbedLimits = Pick<
  Limits,
  | "buildProcessesMax"
  | "buildMemoryShareMax"
  | "buildDiskBytesMax"
  | "diskReserveBytes"
  | "layersSizeBytesMax"
  | "downloadsSizeBytesMax"
  | "compilerCacheSizeBytesMax"
  | "failedTestbedAgeMsMax"
  | "failedTestbedsMax"
  | "failedTestbedsSizeBytesMax"
>;

/** Told when a session of an owner is ended because it passed a limit, before its processes are. */
export type LimitListener = (passed: LimitPassed) => void;

/**
 * - base: a bootstrapped release. - lists: apt's sources and package lists. - dependencies: installed packages.
 * - compiler-cache: what builds of one source package compiled.
 * - kept: what a session had written when it ended, to be looked at for a time.
 */
export type LayerKind = "base" | "lists" | "dependencies" | "compiler-cache" | "kept";

/** A reusable immutable part of a root file system. */
export interface Layer {
  /** `base-…`, `lists-…`, `deps-…`, `ccache-…`, `kept-…`: also the directory's name below HOME/testbeds/layers. */
  readonly id: string;
  readonly kind: LayerKind;
  readonly codename: string;
  readonly architecture: string;
  /** What it is made of, for people. */
  readonly description: string;
  /** The layers it was made on, nearest first. */
  readonly on: readonly string[];
  readonly sizeBytes: number;
  readonly createdAt: Date;
  readonly usedAt: Date;
  /** Of a kept one. */
  readonly keptFor?: KeptFor | undefined;
}

/** What a kept testbed was for. */
export interface KeptFor {
  /** As in SessionRequest: the build. */
  readonly owner: string;
  /** What to set for what is done in it again. */
  readonly environment: Readonly<Record<string, string>>;
  /** For people: what was run in it. */
  readonly command: string;
}

/** What a session had written, on the layers that it stood on: `layers` are for `startSession`, which changes none of it. */
export interface KeptTestbed extends KeptFor {
  readonly layers: readonly string[];
  readonly sizeBytes: number;
  readonly keptAt: Date;
  readonly expiresAt: Date;
}

/** One line for people about what is going on, e.g. "downloading 12 packages". */
export type Progress = (line: string) => void;

export interface LayerMakingOptions {
  /** Output of the tools that make the layer, as it comes. */
  readonly onOutput?: ((chunk: Uint8Array) => void) | undefined;
  readonly onProgress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface BaseLayerRequest extends LayerMakingOptions {
  readonly codename: string;
  readonly architecture: string;
  /** What to bootstrap from: deb822 stanzas. */
  readonly sources: readonly OrderAptSource[];
  readonly components: readonly string[];
  /** Further packages to be in it. */
  readonly packages?: readonly string[] | undefined;
  /** `Key=Value` of apt.conf, while it is made and in it: what an old release's archive needs. */
  readonly aptOptions?: readonly string[] | undefined;
  /** - buildd (default): what sbuild expects to find. - apt: only what apt itself needs. */
  readonly variant?: "buildd" | "apt" | undefined;
}

/** What a look at the archive said about one base layer. */
export interface BaseRefresh {
  readonly codename: string;
  readonly architecture: string;
  /** - current: nothing in it is out of date. - remade: builds from now on use the new one. - failed: see `error`. */
  readonly outcome: "current" | "remade" | "failed";
  /** The layer in use from now on. */
  readonly layerId: string;
  /** Packages in it that the archive had newer versions of. */
  readonly outdatedPackages: number;
  readonly error?: unknown;
}

/** What came of making a layer afresh and comparing. */
export interface LayerCheck {
  readonly layerId: string;
  /** - unknown: it could not be made again; `differences` says why. */
  readonly outcome: "same" | "different" | "unknown";
  /** For people: "differs: etc/foo.conf". */
  readonly differences: readonly string[];
}

/** The fields of a .dsc, unparsed; absent ones are empty. */
export interface BuildDependencyFields {
  readonly buildDepends?: string | undefined;
  readonly buildDependsArch?: string | undefined;
  readonly buildDependsIndep?: string | undefined;
  readonly buildConflicts?: string | undefined;
  readonly buildConflictsArch?: string | undefined;
  readonly buildConflictsIndep?: string | undefined;
}

export interface DependencyLayerRequest extends LayerMakingOptions {
  readonly base: Layer;
  /** All sources that apt shall see: those of the base first, then the extra ones with their pins. */
  readonly sources: readonly OrderAptSource[];
  readonly fields: BuildDependencyFields;
  /** Further relations, one a string ("libfoo-dev (>= 2)"). */
  readonly addDepends?: readonly string[] | undefined;
  readonly profiles?: readonly string[] | undefined;
  /** Build-*-Arch counts. Default true. */
  readonly buildsArchitectureDependent?: boolean | undefined;
  /** Build-*-Indep counts. Default false. */
  readonly buildsAll?: boolean | undefined;
  /** Also what sbuild always installs (build-essential, fakeroot). Default true; false for tool layers such as lintian's. */
  readonly withBuildEssential?: boolean | undefined;
  /** "first" (default): as sbuild, only the first alternative counts. "all": as for people and tests, any will do. */
  readonly alternatives?: "first" | "all" | undefined;
  /** Names of packages that are resolved and downloaded, but not installed: `DependencyLayer.withheld` says where they are. */
  readonly withhold?: readonly string[] | undefined;
}

export interface ResolvedPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

/** A downloaded package that is not installed. */
export interface WithheldPackage extends ResolvedPackage {
  /** Of the .deb, in sessions with `withPackages`. */
  readonly path: string;
}

export interface DependencyLayer {
  /** To be given to `startSession` and `virtServerCommand`: nearest layer first, the base last. */
  readonly layers: readonly string[];
  /** What is installed or upgraded beyond the base. */
  readonly packages: readonly ResolvedPackage[];
  readonly withheld: readonly WithheldPackage[];
  /** Nothing had to be made. */
  readonly wasThere: boolean;
  readonly durationMs: number;
}

export interface SessionRequest {
  /** Layer ids, nearest first, the base last. */
  readonly layers: readonly string[];
  /** Only to fetch with the base layer's own apt: shares the host's network and how it resolves names. Code of packages never runs in such a session. */
  readonly network?: "none" | "host" | undefined;
  readonly hostname?: string | undefined;
  /** Layer ids, nearest first, whose trees are in /mini-buildd/layers/0, 1, …, read-only, to make a root file system inside. */
  readonly innerLayers?: readonly string[] | undefined;
  /** The downloaded packages are there, read-only. */
  readonly withPackages?: boolean | undefined;
  /** /mini-buildd/scratch is there, for root to write to, outside of the session's overlay. */
  readonly withScratch?: boolean | undefined;
  /** Whose it is: `Testbeds.onLimitPassed` tells who asked about this owner. */
  readonly owner?: string | undefined;
  /** It goes to whoever called `Testbeds.holdSessions` for its owner, if somebody did. */
  readonly isHeld?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface SessionCommand {
  readonly argv: readonly [string, ...string[]];
  /** "root" (default) or "sbuild", the ordinary user of every base layer. */
  readonly user?: string | undefined;
  /** Directory inside the session. Default "/". */
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** A promise: written when it comes. */
  readonly input?: string | Uint8Array | Promise<string | Uint8Array> | undefined;
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly outputBytesMax?: number | undefined;
  readonly keepTail?: boolean | undefined;
  readonly onOutput?: ((chunk: Uint8Array, stream: "stdout" | "stderr") => void) | undefined;
}

/** One compiler cache for each of these. */
export interface CompilerCacheName {
  readonly repository: string;
  readonly source: string;
  readonly codename: string;
  readonly architecture: string;
}

/** For the environment of what compiles. */
export interface CompilerCacheUse {
  /** Before other directories for programs. */
  readonly programDirectory: string;
  readonly variables: Readonly<Record<string, string>>;
}

export interface VirtServerRequest {
  /** Layer ids, nearest first, the base last. */
  readonly layers: readonly string[];
  /** As in SessionRequest. */
  readonly owner?: string | undefined;
  /** Needs an owner. */
  readonly isHeld?: boolean | undefined;
  /** ccache, which is in one of the layers, finds this cache; needs an owner. See `Testbeds.storeCompilerCache`. */
  readonly compilerCache?: CompilerCacheName | undefined;
}

/** For `sbuild --autopkgtest-virt-server=PROGRAM --autopkgtest-virt-server-opt=ARG…` and `autopkgtest … -- PROGRAM ARG…`. */
export interface VirtServerCommand {
  readonly program: string;
  readonly args: readonly string[];
}

export interface SweepResult {
  readonly sessions: number;
  readonly unfinishedLayers: number;
  readonly processes: number;
}
