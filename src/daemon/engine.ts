import { join } from "node:path";
import { type AccountsContext, registerAccountJobs, uploaderKeysOf } from "../accounts/index.ts";
import { Archive, ensureDistributions, holdsPackages } from "../archive/index.ts";
import { runBuild, TestbedEnvironment } from "../builder/index.ts";
import { CatalogKeeper, readHostArchive } from "../catalog/index.ts";
import { type FarmContext, LocalBuilder, relieveBuildTrees } from "../farm/index.ts";
import { dputNgProfile, type MovementActs } from "../handlers/index.ts";
import { DeliveryWorker, Quarantine, UploadQuota } from "../incoming/index.ts";
import { EventHooks } from "../notify/index.ts";
import { type PackagerContext, registerPackagerJobs, sweepUploads, UploadReceiver } from "../packager/index.ts";
import { assert, freeSpaceBytes, runChecked } from "../runtime/index.ts";
import { Testbeds } from "../testbed/index.ts";
import { accountsContext, publicUrl } from "./accounts.ts";
import { registerBaseRefresh, scheduleBaseRefresh } from "./base-refresh.ts";
import { distributionSettings } from "./distribution-settings.ts";
import { findCopies } from "./find-copies.ts";
import type { Foundation } from "./foundation.ts";
import { registerHistoryJobs, scheduleHistoryJobs } from "./history.ts";
import { registerHousekeeping, scheduleHousekeeping } from "./housekeeping.ts";
import { Mirrors } from "./mirrors.ts";
import { constructMovement } from "./movement.ts";
import { ownAptSource } from "./own-apt-source.ts";
import { workshopOf } from "./workshop.ts";

/** Everything that turns deliveries into published packages. It listens on nothing. */
export interface Engine {
  readonly accounts: AccountsContext;
  readonly archive: Archive;
  readonly catalog: CatalogKeeper;
  readonly farm: FarmContext;
  readonly builder: LocalBuilder | undefined;
  readonly testbeds: Testbeds | undefined;
  readonly quarantine: Quarantine;
  readonly quota: UploadQuota;
  readonly deliveries: DeliveryWorker;
  readonly packager: PackagerContext;
  readonly movement: MovementActs;
  readonly mirrors: Mirrors;
  readonly eventHooks: EventHooks;
  readonly parallelBuilds: number;
}

/** Construct all parts. `url`: where builds on this machine reach our repositories. */
export async function constructEngine(foundation: Foundation, url: string): Promise<Engine> {
  const { config, paths, clock, logger, database, location, key, jobs } = foundation;
  const { limits } = config;
  const archive = new Archive({
    database,
    location,
    homePath: config.home,
    clock,
    logger: logger.child({ module: "archive" }),
    limits,
    sign: (release) => key.signRelease(release),
    findCopies: (sha256) => findCopies(database, paths.builds, sha256),
  });
  const catalog = await CatalogKeeper.open({
    database,
    etcPath: paths.etc,
    holdsPackages,
    readHost: () => readHostArchive({ cachePath: join(paths.cache, "apt") }),
  });

  const farm: FarmContext = { database, clock, logger: logger.child({ module: "farm" }), limits, buildsPath: paths.builds };
  const local = config.parallelBuilds === 0 ? undefined : await constructBuilder(foundation, farm);
  const movement = constructMovement(foundation, catalog);
  const packager: PackagerContext = {
    database,
    logger: logger.child({ module: "packager" }),
    limits,
    farm,
    archive,
    catalog: () => catalog.current,
    uploaderKeys: (repositoryId) => uploaderKeysOf(database.read, repositoryId),
    ownAptSource: (distribution, priority, revision) => {
      const target = catalog.current.findDistribution(distribution);
      assert(target !== undefined, `${distribution} is not in the catalog`);
      return ownAptSource(target, { url, armoredKey: key.armoredPublicKey(), priority, revision });
    },
    own: {
      identity: config.identity,
      hostname: config.hostname,
      url: publicUrl(config),
      publicKey: { armored: key.armoredPublicKey() },
      clearsign: (text) => key.clearsign(text),
      dputProfile: () => dputNgProfile({ hostname: config.hostname, ftpPort: config.ftp.port }),
      openWorkshop: local === undefined ? undefined : workshopOf(local.testbeds, () => catalog.current),
      externalKeyrings: config.ports.keyrings,
      migrate: (request) => movement.migrate(request),
    },
  };
  registerPackagerJobs(jobs, packager);
  const accounts = accountsContext(foundation);
  registerAccountJobs(jobs, accounts);

  const incoming = { database, limits, clock, logger: logger.child({ module: "incoming" }) };
  const quarantine = new Quarantine({ path: paths.quarantine, ...incoming });
  // Before any door lets files in: what is not whole by now never will be.
  await quarantine.open();
  registerHousekeeping(foundation, { accounts, archive, catalog, packager, testbeds: local?.testbeds });
  registerHistoryJobs(foundation, archive);
  registerBaseRefresh(foundation, local?.testbeds);
  const mirrors = new Mirrors(foundation, () => catalog.current);
  mirrors.register();
  const receiver = new UploadReceiver(packager);
  const deliveries = new DeliveryWorker({ quarantine, receiver, ...incoming });
  const quota = new UploadQuota(limits, clock);
  return {
    accounts,
    archive,
    catalog,
    farm,
    ...local,
    builder: local?.builder,
    testbeds: local?.testbeds,
    quarantine,
    quota,
    deliveries,
    packager,
    movement,
    mirrors,
    eventHooks: constructEventHooks(foundation),
    parallelBuilds: local?.builder.status.parallelMax ?? 0,
  };
}

async function constructBuilder(
  { config, paths, clock, logger, fail }: Foundation,
  farm: FarmContext,
): Promise<{ builder: LocalBuilder; testbeds: Testbeds }> {
  const testbedLogger = logger.child({ module: "testbed" });
  const testbeds = await Testbeds.open({ directory: paths.testbeds, clock, logger: testbedLogger, limits: config.limits });
  testbedLogger.info("testbeds are limited", { by: testbeds.limitedBy });
  const environment = new TestbedEnvironment(testbeds);
  const builder = new LocalBuilder({
    farm,
    runBuild: (order, context) => runBuild(order, { ...context, environment, limits: config.limits, clock }),
    architectures: await buildableArchitectures(),
    parallelMax: config.parallelBuilds,
    makeRoom: async (freeBytesMin) => {
      const isEnough = async (): Promise<boolean> => (await freeSpaceBytes(farm.buildsPath)) >= freeBytesMin;
      const buildTrees = await relieveBuildTrees(farm.buildsPath, isEnough);
      return { buildTrees, layers: await testbeds.makeRoom(freeBytesMin) };
    },
    onFatal: fail,
  });
  return { builder, testbeds };
}

function constructEventHooks({ config, paths, database, events, logger, fail }: Foundation): EventHooks {
  return new EventHooks({
    database,
    events,
    views: { db: database.read },
    place: { url: publicUrl(config), incomingUrl: `ftp://${config.hostname}:${config.ftp.port}` },
    hooksPath: join(paths.etc, "event-hooks"),
    scratchPath: join(paths.cache, "event-hooks"),
    limits: config.limits,
    logger: logger.child({ module: "notify" }),
    onFatal: fail,
  });
}

/** What a processor runs beside its own. Not armhf on arm64: not every one can. */
const COMPATIBLE_ARCHITECTURES: Readonly<Record<string, readonly string[]>> = { amd64: ["i386"] };

async function buildableArchitectures(): Promise<string[]> {
  const printed = await runChecked({ argv: ["dpkg", "--print-architecture"], timeoutMs: 10_000 });
  const own = printed.stdout.toString("utf8").trim();
  return [own, ...(COMPATIBLE_ARCHITECTURES[own] ?? [])];
}

/** First what a crash left is cleared away, then work is taken up from the inside out: publish, build, judge, receive. */
export async function startEngine({ jobs, logger, database, config }: Foundation, engine: Engine): Promise<void> {
  const swept = await engine.testbeds?.sweep();
  if (swept !== undefined) logger.info("testbeds swept", { ...swept });
  await sweepUploads(engine.packager);

  const settings = distributionSettings(engine.catalog.current, { origin: config.origin, url: publicUrl(config) });
  await database.transaction((tx) => ensureDistributions(tx, settings));
  await engine.archive.start();
  await engine.builder?.start();
  await scheduleHousekeeping(database);
  await scheduleHistoryJobs(database);
  await scheduleBaseRefresh(database);
  await engine.eventHooks.start();
  jobs.start();
  await engine.deliveries.start();
}

/** From the outside in. Running builds are interrupted; they go back to the queue. */
export async function stopEngine({ jobs }: Foundation, engine: Engine): Promise<void> {
  engine.mirrors.stop();
  await engine.deliveries.stop();
  await jobs.stop();
  await engine.eventHooks.stop();
  await engine.builder?.stop();
  await engine.archive.stop();
  await engine.testbeds?.close();
}
