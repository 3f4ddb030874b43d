import { dirname, join } from "node:path";
import {
  type BuildEnvironment,
  type HeldTestbed,
  type PreparedTestbed,
  runBuild,
  type TestbedSession,
} from "../../src/builder/index.ts";
import type { BuildRunner } from "../../src/farm/index.ts";
import { type Clock, systemClock } from "../../src/runtime/index.ts";

/** No testbed at all: with the fake sbuild, for tests of farm and packager. Its lintian finds nothing. */
export class FakeBuildEnvironment implements BuildEnvironment {
  async prepareBuildTestbed(): Promise<PreparedTestbed> {
    return fakeTestbed("fake testbed");
  }

  async prepareToolTestbed(): Promise<PreparedTestbed> {
    return fakeTestbed("fake lintian layer");
  }

  async killSessions(): Promise<void> {}

  onLimitPassed(): () => void {
    return () => {};
  }

  holdTestbed(): HeldTestbed {
    return { discard: async () => undefined, keep: async () => undefined };
  }

  async prepareCheckTestbed(): Promise<PreparedTestbed> {
    return fakeTestbed("fake check layer");
  }
}

function fakeTestbed(summary: string): PreparedTestbed {
  return {
    summary,
    virtServer: { program: "/bin/false", args: [] },
    openSession: async () => fakeSession(),
    layers: [],
    previousPaths: [],
  };
}

function fakeSession(): TestbedSession {
  const nothing = Buffer.alloc(0);
  return {
    run: async () => ({ reason: "exited", exitCode: 0, exitSignal: undefined, stdout: nothing, stderr: nothing }),
    copyIn: async () => undefined,
    copyOut: async () => undefined,
    packOut: async () => undefined,
    close: async () => undefined,
  };
}

/** Where the fake sbuild is found, and node to run it. */
export const fakeProgramDirectories: readonly string[] = [join(import.meta.dirname, "bin"), dirname(process.execPath)];

/** The real builder on the fake environment, for LocalBuilder. */
export function fakeBuildRunner(clock: Clock = systemClock): BuildRunner {
  const environment = new FakeBuildEnvironment();
  return (order, context) =>
    runBuild(order, {
      ...context,
      environment,
      clock,
      limits: { diskReserveBytes: 0, failedProductsSizeBytesMax: 0 },
      programDirectories: fakeProgramDirectories,
    });
}
