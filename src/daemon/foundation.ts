import { acquireHomeLock, type Database, type DatabaseLocation, type HomeLock, openDatabase } from "../database/index.ts";
import { EventLog } from "../events/index.ts";
import { InstanceKey } from "../keyring/index.ts";
import { JobWorker, TableQueue } from "../queue/index.ts";
import { type Clock, type Logger, makeDirectory } from "../runtime/index.ts";
import { refuseHalfRestored } from "./backup/marker.ts";
import { Certificates } from "./certificates.ts";
import type { Config } from "./config.ts";
import { type HomePaths, homePaths, makeHome } from "./home.ts";
import { type DaemonLog, flushLog, startLog } from "./log.ts";

/** What everything else stands on. */
export interface Foundation {
  readonly config: Config;
  readonly paths: HomePaths;
  readonly clock: Clock;
  readonly log: DaemonLog;
  /** Of the daemon itself; `logger.child({ module })` for others. */
  readonly logger: Logger;
  readonly lock: HomeLock;
  readonly location: DatabaseLocation;
  readonly database: Database;
  readonly events: EventLog;
  readonly key: InstanceKey;
  /** Of the encrypted servers. */
  readonly certificates: Certificates;
  readonly jobs: JobWorker;
  /** Ends the daemon: something cannot go on. */
  readonly fail: (error: unknown) => void;
}

export interface FoundationOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: DaemonLog;
  readonly fail: (error: unknown) => void;
}

/** Lock the home, open what is in it, and give interrupted jobs back to the queue. */
export async function layFoundation(options: FoundationOptions): Promise<Foundation> {
  const { config, clock, log, fail } = options;
  const { logger } = log;
  const paths = homePaths(config.home);
  await makeDirectory(config.home);
  refuseHalfRestored(config.home);
  const lock = await acquireHomeLock(config.home, clock);
  await makeHome(paths);
  await startLog(log, config.home);

  const location: DatabaseLocation =
    config.postgres === undefined
      ? { kind: "sqlite", path: paths.database }
      : { kind: "postgres", connectionString: config.postgres };
  const database = await openDatabase(location, { clock, logger: logger.child({ module: "database" }) });
  const key = await InstanceKey.open(paths.keys, config.identity);

  const certificates = await Certificates.open({ config, paths, clock, logger: logger.child({ module: "keyring" }) });

  await database.transaction((tx) => new TableQueue(database, clock).releaseAllLeases(tx));
  const leaseMs = config.limits.jobLeaseMs;
  const jobs = new JobWorker({ database, clock, logger: logger.child({ module: "queue" }), leaseMs, onFatal: fail });
  return { ...options, logger, paths, lock, location, database, events: new EventLog(database), key, certificates, jobs };
}

export async function takeDownFoundation({ key, database, lock, log }: Foundation): Promise<void> {
  await key.close();
  await database.close();
  await flushLog(log);
  await lock.release();
}
