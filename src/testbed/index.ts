/**
 * testbed: isolated root file systems, and what runs in them.
 *
 * A *layer* is a reusable immutable directory tree: the base of a release, apt's lists, an exact set of installed
 * packages. A *session* is one use of a stack of layers: an overlay in namespaces of its own, gone without a trace
 * when it is closed. What a session wrote can be *kept*, as a layer for a time. Sessions are also offered as an autopkgtest virtualisation server, for sbuild and autopkgtest.
 *
 * Invariants:
 * - root inside is a subordinate uid of the daemon's user; the daemon's own uid is never mapped in;
 * - the boundary is pivot_root in a mount namespace, never chroot;
 * - a session has no network, except one that fetches, and that runs the base layer's apt only, never a package's code;
 * - when the daemon dies, however it dies, every process of every session dies;
 * - a layer is complete or not there; a layer in use is never removed.
 *
 * Trees belong to subordinate uids: nothing outside may follow links in them or delete them but under the same id map.
 */

export type { HeldSessions } from "./held-sessions.ts";
export { aptFiles } from "./host-apt.ts";
export { fetchOptions } from "./lists-layer.ts";
export { Session } from "./session.ts";
export type { LimitPassed } from "./session-limits.ts";
export { Testbeds } from "./testbeds.ts";
export type {
  BaseLayerRequest,
  BaseRefresh,
  BuildDependencyFields,
  CompilerCacheName,
  CompilerCacheUse,
  DependencyLayer,
  DependencyLayerRequest,
  KeptFor,
  KeptTestbed,
  Layer,
  LayerCheck,
  LayerKind,
  LayerMakingOptions,
  LimitListener,
  Progress,
  ResolvedPackage,
  SessionCommand,
  SessionRequest,
  SweepResult,
  TestbedLimits,
  TestbedsOptions,
  VirtServerCommand,
  VirtServerRequest,
  WithheldPackage,
} from "./types.ts";
