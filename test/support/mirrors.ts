import { join } from "node:path";
import { parseCatalog, resolveCatalog } from "../../src/catalog/index.ts";
import { loadConfig } from "../../src/daemon/config.ts";
import type { Foundation } from "../../src/daemon/foundation.ts";
import { Mirrors } from "../../src/daemon/mirrors.ts";
import type { Database } from "../../src/database/index.ts";
import { JobWorker, TableQueue } from "../../src/queue/index.ts";
import { type Clock, silentLogger } from "../../src/runtime/index.ts";
import { EXAMPLE_CATALOG } from "./example-catalog.ts";

export interface RunningMirrors {
  readonly jobs: JobWorker;
  readonly mirrors: Mirrors;
}

export interface MirrorSite {
  readonly database: Database;
  readonly clock: Clock;
  readonly home: string;
  /** Where the repositories are said to be served. */
  readonly port: number;
  readonly armoredKey: string;
}

/** Mirrors and their jobs as in a daemon that starts: what was interrupted is free again. */
export async function startMirrors({ database, clock, home, port, armoredKey }: MirrorSite): Promise<RunningMirrors> {
  await database.transaction((tx) => new TableQueue(database, clock).releaseAllLeases(tx));
  const jobs = new JobWorker({ database, clock, logger: silentLogger, pollIntervalMs: 50 });
  const config = await loadConfig(home);
  const foundation = {
    config: { ...config, http: { ...config.http, address: "127.0.0.1", port } },
    database,
    jobs,
    key: { armoredPublicKey: () => armoredKey },
  } as unknown as Foundation;
  const catalog = await resolveCatalog(parseCatalog(EXAMPLE_CATALOG), { etcPath: join(home, "etc") });
  const mirrors = new Mirrors(foundation, () => catalog);
  mirrors.register();
  jobs.start();
  return { jobs, mirrors };
}
