import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultLimits, silentLogger, systemClock } from "../../src/runtime/index.ts";
import { type Layer, type TestbedLimits, Testbeds } from "../../src/testbed/index.ts";
import { type HostRelease, readHostRelease } from "./host-archive.ts";

/** Real testbeds of this machine's own release, with a scratch directory of the host. */
export interface RealTestbeds {
  readonly directory: string;
  readonly release: HostRelease;
  readonly testbeds: Testbeds;
  readonly base: Layer;
  readonly scratch: string;
  dispose(): Promise<void>;
}

/** Layers are shared by all tests of a user: a base layer takes half a minute. */
export function layersDirectory(): string {
  return process.env["MINI_BUILDD_TEST_LAYERS"] ?? `/var/tmp/mini-buildd-test-layers-${process.getuid?.() ?? 0}`;
}

/** Others than those of the same directory may have other limits. */
export async function openRealTestbeds(limits: Partial<TestbedLimits> = {}): Promise<RealTestbeds> {
  const directory = layersDirectory();
  const release = await readHostRelease();
  const testbeds = await Testbeds.open({
    directory,
    clock: systemClock,
    logger: silentLogger,
    limits: { ...defaultLimits, ...limits },
  });
  const base = await testbeds.ensureBaseLayer({ ...release, components: ["main"] });
  const scratch = await mkdtemp(join(tmpdir(), "mbd-testbed-"));
  return {
    directory,
    release,
    testbeds,
    base,
    scratch,
    dispose: async () => {
      await testbeds.close();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}
