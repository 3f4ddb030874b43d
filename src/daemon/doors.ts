import { isSshKeyOf } from "../accounts/index.ts";
import { ensureDistributions } from "../archive/index.ts";
import { cancelBuild } from "../farm/index.ts";
import type { InstanceFacts, OperationContext, UploadEncryption } from "../handlers/index.ts";
import { createDeliveryHandler, createHttpServer, type HttpEndpoint } from "../http/index.ts";
import {
  createPutHandler,
  type FtpEncryption,
  FtpServer,
  openSshHostKey,
  SftpServer,
  type SftpServerOptions,
} from "../incoming/index.ts";
import type { TlsCertificate } from "../keyring/index.ts";
import { retryUpload } from "../packager/index.ts";
import { listUploaders, type ServedRepository, servedRepositories } from "../views/index.ts";
import { createWebPages } from "../web/index.ts";
import { encryptedUrl, publicUrl } from "./accounts.ts";
import type { FtpConfig } from "./config.ts";
import { distributionSettings } from "./distribution-settings.ts";
import { readDputGlobal } from "./dput-global.ts";
import type { Engine } from "./engine.ts";
import { engineActs } from "./engine-acts.ts";
import type { Foundation } from "./foundation.ts";
import { constructHistory } from "./history.ts";
import { extraLoopback } from "./local-url.ts";
import { logActs } from "./log.ts";
import { constructOwnSources } from "./own-sources.ts";
import { programVersion } from "./version.ts";

/** What listens: HTTP on TCP and on the control socket, and FTP. */
export interface Doors {
  readonly httpPort: number;
  readonly ftpPort: number | undefined;
  close(): Promise<void>;
}

/** Returns when all of them take connections. */
export async function openDoors(foundation: Foundation, engine: Engine): Promise<Doors> {
  const { config, paths, logger, clock, log } = foundation;
  const [ftp, implicitFtp] = await openFtp(foundation, engine);
  const sftp = config.sftp.enabled ? await openSftp(foundation, engine) : undefined;
  const ports = { ftp: ftp?.port ?? config.ftp.port, sftp };
  const context = operationContext(foundation, engine, ports);

  const incomingLogger = logger.child({ module: "incoming" });
  const http = createHttpServer({
    context,
    logger: logger.child({ module: "http" }),
    accessLog: log.access && ((line) => log.access?.append(line)),
    limits: config.limits,
    frontHandlers: [
      createDeliveryHandler({
        repositoriesPath: paths.repositories,
        findSnapshot: (request) => engine.archive.timeSnapshots.find(request),
      }),
      createPutHandler({ quarantine: engine.quarantine, quota: engine.quota, limits: config.limits, logger: incomingLogger }),
    ],
    pages: createWebPages({ context, clock }),
    redirectTo: config.http.redirect ? encryptedUrl(config) : undefined,
    hstsSeconds: config.http.hstsSeconds,
  });
  const { port } = await http.listen({
    endpoints: httpEndpoints(foundation),
    alsoAddress: extraLoopback(config),
    controlSocketPath: paths.controlSocket,
  });
  return {
    httpPort: port,
    ftpPort: ftp?.port,
    close: async () => {
      await Promise.all([ftp?.close(), implicitFtp?.close(), sftp?.close(), http.close()]);
    },
  };
}

interface UploadPorts {
  readonly ftp: number;
  readonly sftp: SftpServer | undefined;
}

function uploadEncryption({ config, certificates }: Foundation, { sftp }: UploadPorts): UploadEncryption {
  const certificate = certificates.find();
  return {
    ftps: config.ftp.enabled ? config.ftp.encryption : "off",
    certificateFingerprint: certificate?.isSelfMade === true ? certificate.fingerprint : undefined,
    httpsUrl: encryptedUrl(config),
    sftp: sftp === undefined ? undefined : { port: sftp.port, hostKeyFingerprint: sftp.hostKeyFingerprint },
  };
}

/** The first without encryption comes first: its port is the one that is told. */
function httpEndpoints({ config, certificates }: Foundation): HttpEndpoint[] {
  const inOrder = config.http.endpoints.toSorted((one, other) => Number(one.isEncrypted) - Number(other.isEncrypted));
  return inOrder.map(({ port, address, isEncrypted, tls }) => ({
    port,
    address,
    certificate: isEncrypted ? certificates.find(tls) : undefined,
  }));
}

/** The port of old, and the one where TLS comes first; each if it is configured. */
async function openFtp(
  { config, clock, logger: foundationLogger, certificates }: Foundation,
  { quarantine, quota }: Engine,
): Promise<(FtpServer | undefined)[]> {
  const { limits } = config;
  const logger = foundationLogger.child({ module: "incoming" });
  const { enabled, port, implicitPort, address: host, passivePorts, passiveAddress } = config.ftp;
  const certificate = certificates.find();
  const encryption = certificate === undefined ? undefined : ftpEncryption(config.ftp, certificate);
  const common = { quarantine, quota, limits, clock, logger, host, passivePorts, passiveAddress, encryption };
  const ports = [
    enabled ? { port } : undefined,
    enabled && encryption !== undefined && implicitPort !== undefined
      ? { port: implicitPort, isImplicitlyEncrypted: true }
      : undefined,
  ];
  const servers = ports.map((each) => each && new FtpServer({ ...common, ...each }));
  for (const server of servers) await server?.listen();
  return servers;
}

async function openSftp({ config, paths, logger }: Foundation, engine: Engine): Promise<SftpServer> {
  const { accounts, quarantine, quota } = engine;
  const { port, address: host } = config.sftp;
  const hostKey = await openSshHostKey(paths.sshHostKey);
  const authenticate: SftpServerOptions["authenticate"] = (login) => isSshKeyOf(accounts, login);
  const common = { quarantine, quota, limits: config.limits, logger: logger.child({ module: "incoming" }) };
  const server = new SftpServer({ port, host, hostKey, authenticate, ...common });
  await server.listen();
  return server;
}

function ftpEncryption({ encryption }: FtpConfig, certificate: TlsCertificate): FtpEncryption | undefined {
  if (encryption === "off") return undefined;
  return { secureContext: (maxVersion) => certificate.secureContext(maxVersion), isRequired: encryption === "required" };
}

function operationContext(foundation: Foundation, engine: Engine, ports: UploadPorts): OperationContext {
  const { database, events, paths, config } = foundation;
  const { catalog, farm } = engine;
  return {
    instance: instanceFacts(foundation, engine, ports),
    views: { db: database.read, events, buildsPath: paths.builds, served: servedCatalog(engine) },
    accounts: engine.accounts,
    engine: engineActs(foundation, engine),
    listUploaders: (repositories) => listUploaders({ db: database.read, catalog: catalog.current }, repositories),
    planCatalog: async () => ({ changes: (await catalog.plan()).map(changeView) }),
    applyCatalog: async ({ withLoss }) => {
      const changes = await catalog.apply({
        withLoss,
        within: (tx, applied) =>
          ensureDistributions(tx, distributionSettings(applied, { origin: config.origin, url: publicUrl(config) })),
      });
      return { changes: changes.map(changeView) };
    },
    log: logActs(foundation.log),
    dputGlobal: () => readDputGlobal(paths.etc),
    cancelBuild: (buildId, by) => cancelBuild(farm, buildId, by.name),
    retryUpload: (key, by) => retryUpload(engine.packager, key, by.name),
    movement: engine.movement,
    history: constructHistory(foundation, engine.archive),
    ownSources: constructOwnSources(engine),
  };
}

/** Worked out once for each catalog in force. */
function servedCatalog({ catalog }: Engine): () => readonly ServedRepository[] {
  let known: { readonly of: unknown; readonly served: readonly ServedRepository[] } | undefined;
  return () => {
    const { current } = catalog;
    if (known?.of !== current) known = { of: current, served: servedRepositories(current) };
    return known.served;
  };
}

function changeView(change: { readonly summary: string; readonly losesPackages: boolean }) {
  return { summary: change.summary, loses_packages: change.losesPackages };
}

function instanceFacts(foundation: Foundation, { parallelBuilds }: Engine, ports: UploadPorts): InstanceFacts {
  const { config, key } = foundation;
  return {
    version: programVersion(),
    identity: config.identity,
    hostname: config.hostname,
    origin: config.origin,
    url: publicUrl(config),
    ftpPort: ports.ftp,
    encryption: uploadEncryption(foundation, ports),
    parallelBuilds,
    publicKey: key.armoredPublicKey(),
  };
}
