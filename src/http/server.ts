import { once } from "node:events";
import { chmod, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type ServerOptions as HttpsOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { dirname } from "node:path";
import type { Server as TlsServer } from "node:tls";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import type { OperationContext } from "../handlers/index.ts";
import { type Access, PROBLEM_TYPE } from "../operations/index.ts";
import {
  AppError,
  asAppError,
  assert,
  type Limits,
  type Logger,
  listenOnPort,
  makeDirectory,
  systemClock,
} from "../runtime/index.ts";
import { AccessLog } from "./access-log.ts";
import { createApplication, type Pages } from "./application.ts";
import { limitBodyTime } from "./body-timeout.ts";
import { answerClientErrors } from "./client-error.ts";
import { goEncrypted } from "./encrypted-only.ts";
import type { HttpEnvironment } from "./environment.ts";
import { problemDetails } from "./problem.ts";

/** Runs in front of everything else; true: it has taken the request. For bulk data: uploads, repository files. */
export type FrontHandler = (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;

export type HttpLimits = Pick<
  Limits,
  "httpConnectionsMax" | "httpStreamsPerPeerMax" | "httpBodyTimeoutMs" | "httpRequestsPerMinutePerPeerMax"
>;

export interface HttpServerParts {
  readonly context: OperationContext;
  readonly logger: Logger;
  /** Takes a line for each request; must not wait. */
  readonly accessLog?: ((line: string) => void) | undefined;
  readonly limits: HttpLimits;
  readonly frontHandlers?: readonly FrontHandler[] | undefined;
  readonly pages?: Pages | undefined;
  /** Base of the address where those are sent who come over the network unencrypted. */
  readonly redirectTo?: string | undefined;
  /** Told to browsers that come encrypted: for so long, never come otherwise. */
  readonly hstsSeconds?: number | undefined;
}

export interface HttpEndpoint {
  readonly port: number;
  readonly address: string;
  /** What it shows; undefined: it is not encrypted. */
  readonly certificate?: { applyTo(server: TlsServer): void } | undefined;
}

export interface ListenOptions {
  /** The first is the one whose port is returned. */
  readonly endpoints: readonly HttpEndpoint[];
  /** Another address of the same port, for programs on this machine. */
  readonly alsoAddress?: string | undefined;
  /** Unix socket for the owner of the home, who may do everything. */
  readonly controlSocketPath?: string | undefined;
}

export interface HttpServer {
  /** Returns when both sockets take connections. Throws PORT_IN_USE, LISTEN_FAILED, CONTROL_SOCKET_PATH_TOO_LONG. */
  listen(options: ListenOptions): Promise<{ readonly port: number; readonly ports: readonly number[] }>;
  /** Take no new connection, end live streams, wait for running requests (at most `graceMs`). May be called twice. */
  close(): Promise<void>;
}

const CLOSE_GRACE_MS = 3_000;
const IDLE_SWEEP_MS = 20;
const HANDSHAKE_TIMEOUT_MS = 30_000;
const DROP_REPORT_INTERVAL_MS = 60_000;
/** sockaddr_un of Linux. */
const SOCKET_PATH_LENGTH_MAX = 107;

export function createHttpServer(parts: HttpServerParts): HttpServer {
  const closing = new AbortController();
  const app = createApplication({ ...parts, closing: closing.signal });
  const accessLog = parts.accessLog && new AccessLog(parts.accessLog, systemClock);
  const inside: Inside = { ...parts, app, accessLog };
  const servers: Server[] = [];

  return {
    async listen({ endpoints, alsoAddress, controlSocketPath }) {
      for (const { port, address, certificate } of endpoints) {
        const server = makeTcpServer(inside, certificate);
        servers.push(server);
        await listenOn(server, { port, host: address });
      }
      const [first] = servers;
      assert(first !== undefined, "there is an endpoint");
      if (alsoAddress !== undefined) {
        const another = makeTcpServer(inside, undefined);
        servers.push(another);
        await listenOn(another, { port: portOf(first), host: alsoAddress });
      }
      if (controlSocketPath !== undefined) servers.push(await listenOnControlSocket(inside, controlSocketPath));

      return { port: portOf(first), ports: servers.slice(0, endpoints.length).map(portOf) };
    },
    async close() {
      closing.abort();
      await Promise.all(servers.splice(0).map(closeServer));
    },
  };
}

interface Inside extends Omit<HttpServerParts, "accessLog"> {
  readonly app: Hono<HttpEnvironment>;
  readonly accessLog: AccessLog | undefined;
}

function portOf(server: Server): number {
  const bound = server.address();
  assert(typeof bound === "object" && bound !== null, "a listening server has an address");
  return (bound satisfies AddressInfo).port;
}

function makeTcpServer(inside: Inside, certificate: HttpEndpoint["certificate"]): Server {
  const server = makeServer(inside, { access: "none", certificate });
  limitConnections(server, inside);
  return server;
}

function makeServer(
  parts: Inside,
  { access, certificate }: { readonly access: Access; readonly certificate?: HttpEndpoint["certificate"] },
): Server {
  const { app, accessLog } = parts;
  const listener = getRequestListener(
    (request, { incoming, outgoing }) => {
      const address = incoming.socket.remoteAddress;
      const peer = access === "admin" ? "the control socket" : (address ?? "unknown");
      const onEnd = (run: () => void): void => void (outgoing.closed ? run() : outgoing.once("close", run));
      return app.fetch(request, {
        access,
        peer,
        address,
        onEnd,
        onUser: (name) => accessLog?.setUser(outgoing as ServerResponse, name),
        connection: incoming.socket,
        response: outgoing as ServerResponse,
      });
    },
    { overrideGlobalObjects: false },
  );
  // Large uploads take longer than any total limit: their handler bounds the silence, all else has `limitBodyTime`.
  const timeouts = { requestTimeout: 0, headersTimeout: 30_000, keepAliveTimeout: 65_000 };
  const server = certificate === undefined ? createServer(timeouts) : makeTlsServer(timeouts, certificate);
  const handle = (request: IncomingMessage, response: ServerResponse, goOn: () => void): void => {
    accessLog?.watch(request, response);
    if (access === "none" && goEncrypted(parts, request, response)) return;
    runFrontHandlers(parts.frontHandlers ?? [], request, response)
      .then((isTaken) => {
        if (isTaken) return undefined;
        limitBodyTime(request, response, parts.limits.httpBodyTimeoutMs);
        goOn();
        return listener(request, response);
      })
      .catch((error: unknown) => failRequest(parts.logger, request, response, error));
  };
  server.on("request", (request, response) => handle(request, response, () => {}));
  answerClientErrors(server, accessLog);
  // A client that asks before it sends: uploads can be refused without their gigabytes, everything else goes on.
  server.on("checkContinue", (request, response) => handle(request, response, () => response.writeContinue()));
  return server;
}

function makeTlsServer(timeouts: HttpsOptions, certificate: NonNullable<HttpEndpoint["certificate"]>): Server {
  const server = createTlsServer({ ...timeouts, handshakeTimeout: HANDSHAKE_TIMEOUT_MS });
  certificate.applyTo(server);
  // Scanners and clients that do not trust us end here.
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return server;
}

/** Beyond them the system's queue would grow, and the process run out of descriptors: the newest is closed at once. */
function limitConnections(server: Server, { limits, logger }: Pick<HttpServerParts, "limits" | "logger">): void {
  server.maxConnections = limits.httpConnectionsMax;
  let dropped = 0;
  let report: NodeJS.Timeout | undefined;
  server.on("drop", () => {
    dropped += 1;
    // One line for many: what drops connections comes in floods.
    report ??= setTimeout(() => {
      logger.warn("connections refused: httpConnectionsMax are open", { dropped, max: limits.httpConnectionsMax });
      dropped = 0;
      report = undefined;
    }, DROP_REPORT_INTERVAL_MS).unref();
  });
}

async function runFrontHandlers(
  handlers: readonly FrontHandler[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  for (const handler of handlers) {
    if (await handler(request, response)) return true;
  }
  return false;
}

function failRequest(logger: Logger, request: IncomingMessage, response: ServerResponse, error: unknown): void {
  logger.error("request failed", { method: request.method, path: request.url, error });
  if (response.headersSent) response.destroy();
  else {
    const problem = problemDetails(asAppError(error));
    response.writeHead(problem.status, { "content-type": PROBLEM_TYPE }).end(JSON.stringify(problem));
  }
}

async function listenOnControlSocket(inside: Inside, path: string): Promise<Server> {
  if (Buffer.byteLength(path) > SOCKET_PATH_LENGTH_MAX) throw socketPathTooLong(path);

  // The directory keeps others out even before the socket has its mode.
  await makeDirectory(dirname(path), 0o700);
  await chmod(dirname(path), 0o700);
  // Left over by a killed server; a living one holds the lock on the home.
  await rm(path, { force: true });
  const server = makeServer(inside, { access: "admin" });
  await listenOn(server, { path });
  await chmod(path, 0o600);
  return server;
}

async function listenOn(server: Server, where: { port: number; host: string } | { path: string }): Promise<void> {
  try {
    if ("host" in where) {
      await listenOnPort(server, where);
      return;
    }
    server.listen(where);
    await once(server, "listening");
  } catch (error) {
    throw listenFailed(where, error as NodeJS.ErrnoException);
  }
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  // Connections whose request ends from now on stay open for a next one, unless they are closed as idle.
  const sweep = setInterval(() => server.closeIdleConnections(), IDLE_SWEEP_MS);
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  await closed;
  clearInterval(sweep);
  clearTimeout(timer);
}

function listenFailed(where: { port: number; host: string } | { path: string }, error: NodeJS.ErrnoException): AppError {
  const place = "path" in where ? where.path : `${where.host} port ${where.port}`;
  if (error.code !== "EADDRINUSE") {
    return new AppError({
      kind: "unavailable",
      code: "LISTEN_FAILED",
      message: `cannot listen on ${place}`,
      facts: { ...where },
      cause: error,
    });
  }
  return new AppError({
    kind: "conflict",
    code: "PORT_IN_USE",
    message: `another program listens on ${place}`,
    hint: "Stop it, or set another port in etc/mini-buildd.toml: [http] port = …",
    cause: error,
  });
}

function socketPathTooLong(path: string): AppError {
  return new AppError({
    kind: "invalid",
    code: "CONTROL_SOCKET_PATH_TOO_LONG",
    message: `${path} is longer than ${SOCKET_PATH_LENGTH_MAX} bytes, the most a socket's path may have`,
    hint: "Use a home with a shorter path",
  });
}
