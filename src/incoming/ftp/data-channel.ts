import { once } from "node:events";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { AppError, normaliseAddress } from "../../runtime/index.ts";
import type { DataAddress } from "./address.ts";

/** Where the next transfer's bytes come from. One channel serves one transfer. */
export interface DataChannel {
  /** The connected socket; throws FTP_DATA_CONNECTION (`unavailable`) when none comes in time. */
  open(signal: AbortSignal): Promise<Socket>;
  close(): void;
}

/** The client has this long to connect after PASV, and to answer our connection after PORT. */
const CONNECT_TIMEOUT_MS = 30_000;

export interface PassivePorts {
  readonly first: number;
  readonly last: number;
}

/** Listens for one connection of one peer; others are turned away, so that nobody can slip bytes into a transfer. */
export class PassiveChannel implements DataChannel {
  readonly #server: Server;
  readonly #socket: Promise<Socket>;
  #accepted: Socket | undefined;
  #fail: (error: Error) => void = () => {};

  private constructor(server: Server, peer: string) {
    this.#server = server;
    this.#socket = new Promise((resolve, reject) => {
      this.#fail = reject;
      server.on("connection", (socket) => {
        // Errors of a transfer are seen by its reader; before that, a reset must not end the process.
        socket.on("error", () => {});
        if (normaliseAddress(socket.remoteAddress) !== peer || this.#accepted !== undefined) {
          socket.destroy();
          return;
        }
        this.#accepted = socket;
        socket.pause();
        server.close();
        resolve(socket);
      });
      server.on("error", reject);
    });
    this.#socket.catch(() => {});
  }

  static async listen(options: { host: string; peer: string; ports: PassivePorts | undefined }): Promise<PassiveChannel> {
    const server = createServer({ pauseOnConnect: true });
    await listenOnFreePort(server, options.host, options.ports);
    return new PassiveChannel(server, options.peer);
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  async open(signal: AbortSignal): Promise<Socket> {
    const given = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_TIMEOUT_MS)]);
    const cancel = (): void => this.#fail(dataConnectionError("nobody connected to the passive port"));
    if (given.aborted) cancel();
    given.addEventListener("abort", cancel, { once: true });
    try {
      return await this.#socket;
    } finally {
      given.removeEventListener("abort", cancel);
    }
  }

  close(): void {
    this.#fail(dataConnectionError("the data connection was closed"));
    this.#server.close();
    this.#accepted?.destroy();
  }
}

/** Connects to where the client listens. The caller has checked that this is the client's own address. */
export class ActiveChannel implements DataChannel {
  readonly #target: DataAddress;
  #socket: Socket | undefined;

  constructor(target: DataAddress) {
    this.#target = target;
  }

  async open(signal: AbortSignal): Promise<Socket> {
    const socket = createConnection(this.#target);
    this.#socket = socket;
    socket.pause();
    try {
      await once(socket, "connect", { signal: AbortSignal.any([signal, AbortSignal.timeout(CONNECT_TIMEOUT_MS)]) });
    } catch (error) {
      socket.destroy();
      throw dataConnectionError(`no connection to port ${this.#target.port} of the client`, error);
    }
    socket.on("error", () => {});
    return socket;
  }

  close(): void {
    this.#socket?.destroy();
  }
}

async function listenOnFreePort(server: Server, host: string, ports: PassivePorts | undefined): Promise<void> {
  if (ports === undefined) {
    server.listen({ host, port: 0, backlog: 4 });
    await once(server, "listening");
    return;
  }

  // Starting at a random port of the range spreads sessions and makes the next one hard to guess.
  const count = ports.last - ports.first + 1;
  const start = Math.floor(Math.random() * count);
  for (let step = 0; step < count; step++) {
    try {
      server.listen({ host, port: ports.first + ((start + step) % count), backlog: 4 });
      await once(server, "listening");
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    }
  }
  throw dataConnectionError(`every passive port from ${ports.first} to ${ports.last} is taken`);
}

export function dataConnectionError(message: string, cause?: unknown): AppError {
  return new AppError({
    kind: "unavailable",
    code: "FTP_DATA_CONNECTION",
    message,
    hint: "Use passive mode, and let the firewall pass the passive ports",
    cause,
  });
}
