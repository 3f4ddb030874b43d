/**
 * builder: one build, from build order to build result: prepare a testbed, run sbuild in it, check what came out,
 * deliver it. Knows no database and no archive, so it can run on any machine.
 *
 * Terms: the *environment* is where builds happen (`BuildEnvironment`; the real one is made of testbeds); the
 * *scope* is which of the architecture-dependent and -independent packages a build makes; the *ending* is why a
 * build did not end as built.
 *
 * Invariants:
 * - The package's failure and the environment's are told apart: only the first is an answer, the second is retried.
 * - What the package's code wrote is not believed: not its .changes, not its log.
 * - The package's code runs under limits of time, silence, log size, processes, memory and disk; passing one kills its
 *   session and no other, and the reason names the limit and its value.
 * - When `runBuild` returns, sbuild is gone and no scratch file is left; a session that sbuild could not close itself
 *   ends by itself at that moment, because its virtualisation server sees the end of its input.
 */

export { type BuildContext, runBuild } from "./build.ts";
export type { LogSink } from "./build-log.ts";
export type {
  BuildEnvironment,
  BuildScope,
  CheckTestbedRequest,
  HeldTestbed,
  KeptAbout,
  KeptVerdict,
  PreparedTestbed,
  SessionLimitPassed,
  TestbedRequest,
  TestbedSession,
} from "./environment.ts";
export { TestbedEnvironment } from "./testbed-environment.ts";
