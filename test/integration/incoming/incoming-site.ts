import { existsSync } from "node:fs";
import { link, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, vi } from "vitest";
import type { Database } from "../../../src/database/index.ts";
import { listEvents, type StoredEvent } from "../../../src/events/index.ts";
import {
  createPutHandler,
  type Delivery,
  DeliveryWorker,
  type FtpEncryption,
  FtpServer,
  openSshHostKey,
  Quarantine,
  SftpServer,
  type SftpServerOptions,
  UploadQuota,
  type UploadReceiver,
} from "../../../src/incoming/index.ts";
import { TlsCertificate } from "../../../src/keyring/index.ts";
import {
  defaultLimits,
  type Limits,
  type ManualClock,
  runChecked,
  silentLogger,
  systemClock,
} from "../../../src/runtime/index.ts";
import { type EngineKind, type TestDatabase, useDatabase } from "../../support/database.ts";
import {
  changesName,
  type MadeSource,
  makeChangesText,
  makeSource,
  type SourceOptions,
  writeMadeFile,
} from "../../support/packages.ts";
import { uploadRow } from "./upload-row.ts";

/** Everything of incoming, on free ports, with a packager that only keeps what it is given. */
export interface IncomingSite {
  readonly database: Database;
  readonly clock: ManualClock;
  readonly quarantine: Quarantine;
  readonly worker: DeliveryWorker;
  readonly quarantinePath: string;
  readonly receivedPath: string;
  readonly workPath: string;
  readonly ftpPort: number;
  readonly httpPort: number;
  /** Where TLS comes first; with `encryption` only. */
  readonly ftpsPort: number;
  /** What clients that check certificates are to trust. */
  readonly certificatePath: string;
  /** With `sftp` only. */
  readonly sftp: SftpServer;
  /** Ann's key. */
  readonly sshKeyPath: string;
  readonly knownHostsPath: string;
  readonly deliveries: Delivery[];
  events(): Promise<StoredEvent[]>;
  /** Stop and start again over the same home; ports change. */
  restart(): Promise<void>;
}

const TEST_LIMITS: Limits = { ...defaultLimits, diskReserveBytes: 0, quarantinePeerShareMax: 1 };

export interface SiteOptions {
  readonly engine?: EngineKind;
  readonly limits?: Partial<Limits>;
  readonly encryption?: "offered" | "required";
  /** An SFTP server, for the user ann and her key. */
  readonly sftp?: boolean;
  readonly receiver?: (site: IncomingSite) => Partial<UploadReceiver>;
}

/** A running site for each test of the file or block. */
export function useIncomingSite(options: SiteOptions = {}): IncomingSite {
  const testDatabase = useDatabase(options.engine);
  let current: RunningSite | undefined;
  beforeEach(async () => {
    current = await RunningSite.start(testDatabase, options);
  });
  afterEach(async () => {
    await current?.stop();
    await current?.remove();
    current = undefined;
  });
  // Tests read the site of their own run.
  return new Proxy({} as IncomingSite, {
    get: (_target, name) => {
      const value: unknown = Reflect.get(current ?? {}, name);
      return typeof value === "function" ? value.bind(current) : value;
    },
  });
}

class RunningSite implements IncomingSite {
  readonly deliveries: Delivery[] = [];
  readonly #testDatabase: TestDatabase;
  readonly #options: SiteOptions;
  readonly workPath: string;
  quarantine!: Quarantine;
  worker!: DeliveryWorker;
  #ftp!: FtpServer;
  #ftps: FtpServer | undefined;
  #sftp: SftpServer | undefined;
  #http!: Server;

  private constructor(testDatabase: TestDatabase, options: SiteOptions, workPath: string) {
    this.#testDatabase = testDatabase;
    this.#options = options;
    this.workPath = workPath;
  }

  static async start(testDatabase: TestDatabase, options: SiteOptions): Promise<RunningSite> {
    const site = new RunningSite(testDatabase, options, await mkdtemp(join(tmpdir(), "mbd-incoming-")));
    await mkdir(site.receivedPath);
    await site.#start();
    return site;
  }

  get database(): Database {
    return this.#testDatabase.database;
  }

  get clock(): ManualClock {
    return this.#testDatabase.clock;
  }

  get quarantinePath(): string {
    return join(this.workPath, "quarantine");
  }

  get receivedPath(): string {
    return join(this.workPath, "received");
  }

  get ftpPort(): number {
    return this.#ftp.port;
  }

  get ftpsPort(): number {
    return this.#ftps?.port ?? 0;
  }

  get sftp(): SftpServer {
    if (this.#sftp === undefined) throw new Error("this site has no SFTP server");
    return this.#sftp;
  }

  get sshKeyPath(): string {
    return join(this.workPath, "id_ann");
  }

  get knownHostsPath(): string {
    return join(this.workPath, "known_hosts");
  }

  get certificatePath(): string {
    return join(this.workPath, "certificate.pem");
  }

  get httpPort(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  async events(): Promise<StoredEvent[]> {
    return (await listEvents(this.database.read, { limit: 100 })).toReversed();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.#start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#ftp.close(), this.#ftps?.close(), this.#sftp?.close()]);
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
    await this.worker.stop();
  }

  async remove(): Promise<void> {
    await rm(this.workPath, { recursive: true });
  }

  async #start(): Promise<void> {
    const limits = { ...TEST_LIMITS, ...this.#options.limits };
    const common = { database: this.database, limits, clock: this.clock, logger: silentLogger };
    this.quarantine = new Quarantine({ ...common, path: this.quarantinePath });
    await this.quarantine.open();
    const receiver = { ...keepingReceiver(this), ...this.#options.receiver?.(this) };
    this.worker = new DeliveryWorker({ ...common, quarantine: this.quarantine, receiver });
    await this.worker.start();

    const quota = new UploadQuota(limits, this.clock);
    const encryption = await this.#openEncryption();
    const ftp = { ...common, quarantine: this.quarantine, quota, port: 0, encryption };
    this.#ftp = new FtpServer(ftp);
    await this.#ftp.listen();
    if (encryption !== undefined) {
      this.#ftps = new FtpServer({ ...ftp, isImplicitlyEncrypted: true });
      await this.#ftps.listen();
    }
    if (this.#options.sftp === true) this.#sftp = await this.#openSftp({ ...common, quarantine: this.quarantine, quota });
    const handle = createPutHandler({ ...common, quarantine: this.quarantine, quota });
    this.#http = createServer((request, response) => void handle(request, response));
    this.#http.on("checkContinue", (request, response) => void handle(request, response));
    await new Promise<void>((resolve) => this.#http.listen(0, resolve));
  }

  async #openSftp(common: Pick<SftpServerOptions, "quarantine" | "quota" | "limits" | "logger">): Promise<SftpServer> {
    if (!existsSync(this.sshKeyPath))
      await runChecked({ argv: ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", this.sshKeyPath] });
    const [, publicKey = ""] = (await readFile(`${this.sshKeyPath}.pub`, "utf8")).split(" ");
    const hostKey = await openSshHostKey(join(this.workPath, "keys", "ssh_host_key"));
    const server = new SftpServer({
      ...common,
      port: 0,
      hostKey,
      authenticate: async ({ name, key }) => name === "ann" && Buffer.from(key).toString("base64") === publicKey,
    });
    await server.listen();
    await writeFile(this.knownHostsPath, `[localhost]:${server.port},[127.0.0.1]:${server.port} ${hostKey.publicKey}\n`);
    return server;
  }

  async #openEncryption(): Promise<FtpEncryption | undefined> {
    const { encryption } = this.#options;
    if (encryption === undefined) return undefined;

    const source = { type: "self-made", path: join(this.workPath, "tls", "own.pem"), hostname: "localhost" } as const;
    const certificate = await TlsCertificate.open({ source, clock: systemClock, logger: silentLogger });
    await writeFile(this.certificatePath, certificate.certificate);
    return { secureContext: (version) => certificate.secureContext(version), isRequired: encryption === "required" };
  }
}

/** Does what the packager does with a delivery, as far as incoming can tell: links the files, and writes an upload. */
function keepingReceiver(site: RunningSite): UploadReceiver {
  return {
    findAcceptedUpload: async (db, changesSha256) => {
      const query = db.selectFrom("uploads").select("id").where("changes_sha256", "=", changesSha256);
      return (await query.executeTakeFirst())?.id;
    },
    stageUpload: async (delivery) => {
      for (const file of delivery.files) {
        await rm(join(site.receivedPath, file.name), { force: true });
        await link(file.quarantinePath, join(site.receivedPath, file.name));
      }
    },
    receiveUpload: async (tx, delivery) => {
      const uploadId = `${delivery.changesName}/${site.deliveries.length}`;
      await tx.insertInto("uploads").values(uploadRow(uploadId, delivery)).execute();
      site.deliveries.push(delivery);
      return { uploadId };
    },
  };
}

export interface MadeUpload {
  readonly directory: string;
  readonly changesPath: string;
  readonly changesName: string;
  readonly source: MadeSource;
  /** All names, the .changes last, as dput sends them. */
  readonly names: readonly string[];
}

/** A source upload in a directory of its own. */
export async function makeUpload(site: Pick<IncomingSite, "workPath">, options: SourceOptions = {}): Promise<MadeUpload> {
  const directory = await mkdtemp(join(site.workPath, "upload-"));
  const source = await makeSource(directory, options);
  const text = makeChangesText({ distribution: "bookworm-test-unstable", source });
  const changes = await writeMadeFile(directory, changesName(source), Buffer.from(text));
  return {
    directory,
    changesPath: changes.path,
    changesName: changes.name,
    source,
    names: [source.dsc.name, ...source.files.map((file) => file.name), changes.name],
  };
}

/** Wait until so many deliveries were received and nothing is left in quarantine. */
export async function expectDelivered(site: IncomingSite, count: number): Promise<void> {
  await vi.waitFor(() => expect(site.deliveries).toHaveLength(count), WAIT);
  await site.worker.idle();
}

/** Wait until exactly these files are in quarantine, as rows and as bytes. */
export async function expectQuarantine(site: IncomingSite, names: readonly string[]): Promise<void> {
  await vi.waitFor(async () => {
    expect(await quarantineNames(site)).toEqual([...names].sort());
    expect(await readdir(site.quarantinePath)).toHaveLength(names.length);
    expect(site.quarantine.usage.fileCount).toBe(names.length);
  }, WAIT);
}

export async function quarantineNames(site: IncomingSite): Promise<string[]> {
  const rows = await site.database.read.selectFrom("quarantine_files").select("name").execute();
  return rows.map((row) => row.name).sort();
}

export const WAIT = { timeout: 15_000, interval: 20 };
