import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BuildOrder } from "../../src/buildorder/index.ts";
import { type FarmContext, type NewBuild, orderBuilds } from "../../src/farm/index.ts";
import { defaultLimits, silentLogger } from "../../src/runtime/index.ts";
import type { TestDatabase } from "./database.ts";

export const UPLOAD_ID = "foo/1.0/20261122:130513:909198";

export interface TestFarm extends FarmContext {
  dispose(): Promise<void>;
}

/** A farm with a directory for its builds, on a test's database. */
export async function openFarm(test: TestDatabase, limits: Partial<FarmContext["limits"]> = {}): Promise<TestFarm> {
  const buildsPath = await mkdtemp(join(tmpdir(), "mbd-farm-"));
  await mkdir(join(buildsPath, UPLOAD_ID, "source"), { recursive: true });
  return {
    database: test.database,
    clock: test.clock,
    logger: silentLogger,
    limits: { ...defaultLimits, diskReserveBytes: 0, memoryReserveBytes: 0, ...limits },
    buildsPath,
    dispose: () => rm(buildsPath, { recursive: true, force: true }),
  };
}

export function newBuild(overrides: Partial<BuildOrder> = {}, build: Partial<NewBuild> = {}): NewBuild {
  return {
    isOptional: false,
    order: {
      source: "foo",
      version: "1.0",
      distribution: "bookworm-test-unstable",
      codename: "bookworm",
      architecture: "amd64",
      buildsAll: true,
      lintsSource: true,
      baseSources: [],
      extraSources: [],
      components: ["main"],
      dscName: "foo_1.0.dsc",
      files: [],
      lintianMode: "disabled",
      debBuildOptions: [],
      debBuildProfiles: [],
      addDepends: [],
      limits: { timeoutMs: 60_000, silenceTimeoutMs: 60_000, logSizeBytesMax: 1_000_000 },
      ...overrides,
    },
    ...build,
  };
}

/** An upload's row and its builds, as packager makes them. Returns the builds' ids. */
export async function orderTestBuilds(farm: FarmContext, builds: readonly NewBuild[], uploadId = UPLOAD_ID): Promise<string[]> {
  return farm.database.transaction(async (tx) => {
    const [source = "", version = "", timecode = ""] = uploadId.split("/");
    await tx
      .insertInto("uploads")
      .values({
        id: uploadId,
        state: "building",
        source,
        version,
        distribution: "bookworm-test-unstable",
        timecode,
        changes_name: `${source}_${version}_source.changes`,
        changes_sha256: uploadId,
        changes_text: "",
        signer_fingerprint: null,
        channel: "test",
        peer: "test",
        problems: "[]",
        received_at: tx.now().toISOString(),
        ended_at: null,
      })
      .execute();
    return orderBuilds(tx, uploadId, builds);
  });
}

/** Resolves when the condition holds; looks again after each commit that concerns builds. */
export async function whenBuilds(farm: FarmContext, condition: () => Promise<boolean> | boolean): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const look = (): void => {
    Promise.resolve(condition()).then((holds) => {
      if (holds) resolve();
    }, reject);
  };
  const stopListening = farm.database.onWake("builds", look);
  look();
  try {
    await promise;
  } finally {
    stopListening();
  }
}
