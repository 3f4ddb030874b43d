import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { AppError, isAddressMissing, listenOnPort, normaliseAddress } from "../../runtime/index.ts";
import { FtpConnection, type FtpConnectionOptions } from "./connection.ts";
import { formatReply, reply } from "./reply.ts";

export interface FtpServerOptions extends FtpConnectionOptions {
  /** 0 takes any free port. */
  readonly port: number;
  /** "::" (the default) listens on IPv6 and IPv4, "0.0.0.0" on IPv4 only. */
  readonly host?: string | undefined;
}

/** The anonymous FTP server for uploads: files go into quarantine, and nothing ever comes out. */
export class FtpServer {
  readonly #options: FtpServerOptions;
  readonly #server: Server;
  readonly #connections = new Map<FtpConnection, Promise<void>>();

  constructor(options: FtpServerOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Throws FTP_PORT (`unavailable`) when the port cannot be listened on. */
  async listen(): Promise<void> {
    const { port, logger, host = "::" } = this.#options;
    try {
      const address = await listenOnPort(this.#server, { host, port });
      logger.info("FTP server listens", { address, port: this.port });
    } catch (error) {
      if (isAddressMissing(error)) throw portError(port, `${host} is no address of this machine`, error);
      throw portError(port, `port ${port} cannot be listened on for uploads by FTP`, error);
    }
  }

  /** The port it listens on. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** Stop listening and end every connection; files that are not whole are gone when it resolves. */
  async close(): Promise<void> {
    const closed = this.#server.listening ? once(this.#server, "close") : undefined;
    this.#server.close();
    for (const connection of this.#connections.keys()) connection.close();
    await Promise.all(this.#connections.values());
    await closed;
  }

  #accept(socket: Socket): void {
    const { quota, quarantine, logger } = this.#options;
    const peer = normaliseAddress(socket.remoteAddress);
    try {
      const release = quota.connect(peer);
      const connection = new FtpConnection(socket, this.#options);
      const ended = connection.run().finally(() => {
        release();
        this.#connections.delete(connection);
      });
      this.#connections.set(connection, ended);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      logger.warn("FTP connection refused", { error, peer });
      socket.on("error", () => {});
      if (this.#options.isImplicitlyEncrypted !== true) socket.write(formatReply(reply(421, error.message)));
      socket.destroySoon();
      void quarantine.recordRefusal({ channel: this.#options.isImplicitlyEncrypted === true ? "ftps" : "ftp", peer, error });
    }
  }
}

function portError(port: number, message: string, cause?: unknown): AppError {
  return new AppError({
    kind: "unavailable",
    code: "FTP_PORT",
    message,
    hint: "Stop the program that has the port, or set another one as port in [ftp] of etc/mini-buildd.toml",
    facts: { port },
    cause,
  });
}
