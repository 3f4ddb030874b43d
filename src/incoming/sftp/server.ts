import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import {
  AppError,
  isAddressMissing,
  type Limits,
  type Logger,
  listenOnPort,
  ModuleProcess,
  normaliseAddress,
} from "../../runtime/index.ts";
import type { Quarantine } from "../quarantine.ts";
import type { ReleaseConnection, UploadQuota } from "../upload-quota.ts";
import type { SshHostKey } from "./host-key.ts";
import type { FromSshProcess, SshRequest, ToSshProcess } from "./messages.ts";
import { SftpUploads } from "./uploads.ts";

export interface SftpServerOptions {
  readonly port: number;
  readonly host?: string | undefined;
  readonly hostKey: SshHostKey;
  /** Whether this public key (in SSH's own form) lets this user in. */
  readonly authenticate: (login: { readonly name: string; readonly key: Uint8Array; readonly peer: string }) => Promise<boolean>;
  readonly quarantine: Quarantine;
  readonly quota: UploadQuota;
  readonly limits: Pick<Limits, "uploadIdleTimeoutMs">;
  readonly logger: Logger;
}

const LOGIN_TIMEOUT_MS = 30_000;
/** The process that speaks SSH goes when nobody was there for this long. */
const PROCESS_IDLE_MS = 60_000;

interface SftpConnection {
  readonly peer: string;
  readonly uploads: SftpUploads;
  readonly release: ReleaseConnection;
  /** One after the other: writes come in the order in which they were sent. */
  turn: Promise<void>;
}

/**
 * Takes uploads by SFTP from users with an SSH key. SSH itself is spoken in a process of its own, which a broken client
 * may bring down: it gets each connection, and asks here for everything else. It runs only while somebody is there.
 */
export class SftpServer {
  readonly #options: SftpServerOptions;
  readonly #server: Server;
  readonly #connections = new Map<number, SftpConnection>();
  #process: ModuleProcess | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #lastConnection = 0;

  constructor(options: SftpServerOptions) {
    this.#options = options;
    this.#server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  /** Throws SFTP_PORT (`unavailable`) when the port cannot be listened on. */
  async listen(): Promise<void> {
    const { port, logger, hostKey, host = "::" } = this.#options;
    try {
      const address = await listenOnPort(this.#server, { host, port });
      logger.info("SFTP server listens", { address, port: this.port, hostKey: hostKey.fingerprint });
    } catch (error) {
      if (isAddressMissing(error)) throw portError(port, `${host} is no address of this machine`, error);
      throw portError(port, `port ${port} cannot be listened on for uploads by SFTP`, error);
    }
  }

  get hostKeyFingerprint(): string {
    return this.#options.hostKey.fingerprint;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** Of the process that speaks SSH; undefined: it does not run. */
  get processId(): number | undefined {
    return this.#process?.pid;
  }

  /** Stop listening and end every connection; files that are not whole are gone when it resolves. */
  async close(): Promise<void> {
    const closed = this.#server.listening ? once(this.#server, "close") : undefined;
    this.#server.close();
    clearTimeout(this.#idleTimer);
    const running = this.#process;
    this.#process = undefined;
    await running?.close();
    await this.#forgetAll();
    await closed;
  }

  #accept(socket: Socket): void {
    const { quota, quarantine, logger } = this.#options;
    const peer = normaliseAddress(socket.remoteAddress);
    socket.on("error", () => {});
    let release: ReleaseConnection;
    try {
      release = quota.connect(peer);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      logger.warn("SFTP connection refused", { error, peer });
      // Clients show lines that come before SSH's own.
      socket.end(`${error.message}\r\n`);
      socket.destroySoon();
      void quarantine.recordRefusal({ channel: "sftp", peer, error });
      return;
    }

    this.#lastConnection += 1;
    const connection = this.#lastConnection;
    const uploads = new SftpUploads({ ...this.#options, peer });
    this.#connections.set(connection, { peer, release, uploads, turn: Promise.resolve() });
    clearTimeout(this.#idleTimer);
    this.#process ??= this.#start();
    this.#send({ type: "connection", connection }, socket);
  }

  #start(): ModuleProcess {
    const { hostKey, limits } = this.#options;
    // Node runs the .ts from the sources and the .js from dist/.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const started: ModuleProcess = new ModuleProcess(new URL(`./ssh-process.${extension}`, import.meta.url), {
      onMessage: (message) => this.#take(message as FromSshProcess),
      onEnd: (how) => this.#lose(started, how),
    });
    started.unref();
    const start: ToSshProcess = {
      type: "start",
      hostKey: hostKey.privateKey,
      loginTimeoutMs: LOGIN_TIMEOUT_MS,
      idleTimeoutMs: limits.uploadIdleTimeoutMs,
    };
    started.send(start);
    return started;
  }

  #send(message: ToSshProcess, socket?: Socket): void {
    this.#process?.send(message, socket);
  }

  #take(message: FromSshProcess): void {
    const connection = this.#connections.get(message.connection);
    if (connection === undefined) return;

    if (message.type === "authenticate") {
      void this.#authenticate(connection, message);
    } else if (message.type === "closed") {
      this.#connections.delete(message.connection);
      connection.turn = connection.turn.then(() => this.#forget(connection));
    } else {
      connection.turn = connection.turn.then(() => this.#serve(connection, message));
    }
  }

  async #authenticate({ peer }: SftpConnection, message: SshRequest & { type: "authenticate" }): Promise<void> {
    const { authenticate, logger } = this.#options;
    const { name, key, request } = message;
    let isLetIn = false;
    try {
      isLetIn = await authenticate({ name, key, peer });
    } catch (error) {
      logger.error("an SSH key could not be looked up", { error, peer });
    }
    this.#send({ type: "answer", request, refusal: isLetIn ? undefined : "This key does not let you in" });
  }

  async #serve(
    { uploads }: SftpConnection,
    message: Exclude<FromSshProcess, { type: "authenticate" | "closed" }>,
  ): Promise<void> {
    if (message.type === "abort") {
      await uploads.abort(message.file);
      return;
    }
    this.#send({ type: "answer", request: message.request, refusal: await uploads.serve(message) });
  }

  async #forget({ uploads, release }: SftpConnection): Promise<void> {
    await uploads.end();
    release();
    if (this.#connections.size > 0) return;
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => this.#rest(), PROCESS_IDLE_MS).unref();
  }

  #rest(): void {
    if (this.#connections.size > 0) return;
    const running = this.#process;
    this.#process = undefined;
    void running?.close();
  }

  #lose(ended: ModuleProcess, how: string | undefined): void {
    if (how !== undefined) this.#options.logger.error("the process that speaks SSH ended; its connections are cut off", { how });
    if (this.#process !== ended) return;
    this.#process = undefined;
    void this.#forgetAll();
  }

  async #forgetAll(): Promise<void> {
    const connections = [...this.#connections.values()];
    this.#connections.clear();
    for (const connection of connections) connection.turn = connection.turn.then(() => this.#forget(connection));
    await Promise.all(connections.map((connection) => connection.turn));
    clearTimeout(this.#idleTimer);
  }
}

function portError(port: number, message: string, cause?: unknown): AppError {
  return new AppError({
    kind: "unavailable",
    code: "SFTP_PORT",
    message,
    hint: "Stop the program that has the port, or set another one as port in [sftp] of etc/mini-buildd.toml",
    facts: { port },
    cause,
  });
}
