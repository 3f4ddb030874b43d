import type { BuildOrder, OrderBinary } from "../buildorder/index.ts";
import type { Dsc } from "../formats/index.ts";
import type { EndedCommand } from "../runtime/index.ts";

/**
 * Where builds happen, as the builder needs it. `TestbedEnvironment` is the real one; tests of farm and packager
 * have a fake.
 *
 * What it throws decides whose fault a failed preparation is: an AppError of kind `invalid` is the package's
 * (unsatisfiable build dependencies), everything else is ours or the world's and is tried again.
 */
export interface BuildEnvironment {
  /** A testbed that has the build dependencies of a source package installed. */
  prepareBuildTestbed(request: TestbedRequest & { readonly scope: BuildScope; readonly dsc: Dsc }): Promise<PreparedTestbed>;
  /** A testbed of the same release that has tools installed (lintian), and none of the build dependencies. */
  prepareToolTestbed(request: TestbedRequest & { readonly packages: readonly string[] }): Promise<PreparedTestbed>;
  /**
   * A testbed for packages that were just built: it has what they depend on, and none of themselves. `previous` is
   * downloaded, not installed.
   */
  prepareCheckTestbed(request: CheckTestbedRequest): Promise<PreparedTestbed>;
  /** Ends every session of a build at once; returns when none of their processes is left. Whoever opened them closes them. */
  killSessions(buildId: string): Promise<void>;
  /**
   * Told when one of the build's sessions passes a limit of processes, memory or disk, just before that session is
   * ended. Returns how to stop listening.
   */
  onLimitPassed(buildId: string, listener: (passed: SessionLimitPassed) => void): () => void;
  /** To be called before sbuild is started: what it leaves in its testbed is there until the holder is settled. */
  holdTestbed(buildId: string): HeldTestbed;
}

/** What sbuild leaves behind when it has ended, however it ended. `keep` or `discard`, once. */
export interface HeldTestbed {
  discard(): Promise<void>;
  /**
   * `look` gets a session in which it is, and nothing runs. Then it is kept for people, as far as the limits allow:
   * returns until when, or why not. Undefined: there was nothing.
   */
  keep(about: KeptAbout, look: (session: TestbedSession) => Promise<void>): Promise<KeptVerdict | undefined>;
}

/** - because: ends a sentence that begins with "its testbed is not kept:". */
export type KeptVerdict = { readonly until: Date } | { readonly because: string };

export interface KeptAbout {
  /** For people who do it again. */
  readonly command: string;
  readonly environment: Readonly<Record<string, string>>;
}

export interface SessionLimitPassed {
  readonly limit: "processes" | "memory" | "disk";
  /** Ends a sentence that begins with "the build was ended because". */
  readonly message: string;
  /** The build kept to its limits; the machine did not have as much. */
  readonly isOurs: boolean;
}

/** Which of the architecture-dependent (any) and -independent (all) packages a build makes; at least one. */
export interface BuildScope {
  readonly any: boolean;
  readonly all: boolean;
}

export interface TestbedRequest {
  readonly order: BuildOrder;
  /** Output of the tools that make the testbed. */
  readonly onOutput: (chunk: Uint8Array) => void;
  /** One line for people. */
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface CheckTestbedRequest extends TestbedRequest {
  /** Relations, one dependency each; any of their alternatives will do. */
  readonly depends: readonly string[];
  readonly previous?: readonly OrderBinary[] | undefined;
}

/** Layers, ready for any number of sessions; none of the sessions has a network. */
export interface PreparedTestbed {
  /** For people: "dependency layer reused (31 packages)". */
  readonly summary: string;
  /** How sbuild starts its autopkgtest virtualisation server here. At end of file on its input it ends its session. */
  readonly virtServer: { readonly program: string; readonly args: readonly string[] };
  /** `inner`: another testbed, whose layers are inside in /mini-buildd/layers/0, 1, … nearest first, with its `previous`. */
  openSession(options: { readonly signal: AbortSignal; readonly inner?: PreparedTestbed | undefined }): Promise<TestbedSession>;
  readonly layers: readonly string[];
  /** When the order has one. */
  readonly compilerCache?: PreparedCompilerCache | undefined;
  /** The .debs of what is published, as sessions that have this testbed as `inner` see them. */
  readonly previousPaths: readonly string[];
}

/** The session that sbuild has in a testbed reads and writes a compiler cache of its own, which begins as the last stored one. */
export interface PreparedCompilerCache {
  readonly programDirectory: string;
  readonly variables: Readonly<Record<string, string>>;
  /** The build was good: later ones begin with what it left. Returns the size; throws when there is nothing to store. */
  store(): Promise<{ readonly sizeBytes: number }>;
  /** Once at the end, stored or not. */
  discard(): Promise<void>;
}

export interface TestbedSession {
  /** Runs as the testbed's ordinary user unless `asRoot`; program and arguments, never a shell. */
  run(command: {
    readonly argv: readonly [string, ...string[]];
    readonly cwd: string;
    readonly asRoot?: boolean | undefined;
    readonly env?: Readonly<Record<string, string>>;
    /** Written to its standard input when it comes. */
    readonly input?: Promise<string>;
    readonly signal: AbortSignal;
    readonly outputBytesMax: number;
    readonly onOutput: (chunk: Uint8Array) => void;
  }): Promise<EndedCommand>;
  /** Copies the content of a directory of ours to a new directory of the session. */
  copyIn(fromDirectory: string, toDirectory: string): Promise<void>;
  /** Copies a file of the session to a new file of ours. AppError TESTBED_OUTPUT_TOO_LARGE. */
  copyOut(fromPath: string, toPath: string, options: { readonly sizeBytesMax: number }): Promise<void>;
  /** Writes directories as a tar, compressed with zstd, to a new file of ours. AppError TESTBED_OUTPUT_TOO_LARGE. */
  packOut(
    from: { readonly parentPath: string; readonly names: readonly string[] },
    toPath: string,
    sizes: { readonly packedBytesMax: number; readonly bytesMax: number },
  ): Promise<void>;
  close(): Promise<void>;
}
