import { republishDistributions } from "../archive/index.ts";
import type { Catalog } from "../catalog/index.ts";
import type { EngineActs } from "../handlers/index.ts";
import { listScheduled, runScheduledNow } from "../queue/index.ts";
import { AppError, asAppError } from "../runtime/index.ts";
import type { Testbeds } from "../testbed/index.ts";
import type { Engine } from "./engine.ts";
import type { Foundation } from "./foundation.ts";
import { baseRequest } from "./testbed-layers.ts";

/** How an administrator meddles with what runs by itself. */
export function engineActs({ database }: Foundation, engine: Engine): EngineActs {
  const { builder, testbeds, catalog } = engine;
  return {
    isStopped: () => builder?.isPaused ?? true,
    start: () => builder?.resume(),
    stop: () => builder?.pause(),
    cronjobs: async () => {
      const works = await listScheduled(database.read);
      return works.map(({ name, intervalMs, nextRunAt }) => ({
        id: name,
        interval_ms: intervalMs,
        next_run_at: nextRunAt.toISOString(),
      }));
    },
    runCronjob: (id) => database.transaction((tx) => runScheduledNow(tx, id)),
    remakeBaseLayers: (keys) => remakeBaseLayers(testbeds, catalog.current, keys),
    republish: (repositories) => database.transaction((tx) => republishDistributions(tx, repositories)),
  };
}

/** One after the other: each takes all of the machine. What one of them gave does not stop the next. */
async function remakeBaseLayers(
  testbeds: Testbeds | undefined,
  catalog: Catalog,
  keys: readonly string[] | undefined,
): Promise<Record<string, string>> {
  const results: Record<string, string> = {};
  for (const key of keys ?? allKeys(catalog)) {
    const [codename = "", architecture] = key.split(":");
    try {
      if (testbeds === undefined) throw noTestbeds();
      await testbeds.remakeBaseLayer(baseRequest(catalog, codename, architecture));
      results[key] = "Success";
    } catch (error) {
      results[key] = asAppError(error).message;
    }
  }
  return results;
}

/** As status shows them. */
function allKeys(catalog: Catalog): string[] {
  const keys = catalog
    .listDistributions()
    .flatMap(({ codename, architectures }) => architectures.map(({ name }) => `${codename}:${name}`));
  return [...new Set(keys)].toSorted();
}

function noTestbeds(): AppError {
  return new AppError({
    kind: "conflict",
    code: "NO_TESTBEDS",
    message: "this instance builds nothing itself, so it has no testbeds",
    hint: "Set builder.parallel in etc/mini-buildd.toml",
  });
}
