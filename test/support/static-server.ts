import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

/** A plain server of a directory, with Last-Modified and If-Modified-Since, as any web server would serve our tree. */
export interface StaticServer {
  readonly url: string;
  /** Path and status of each answer, in order. */
  readonly answers: readonly { readonly path: string; readonly status: number }[];
  close(): Promise<void>;
}

export interface StaticServerOptions {
  /** Awaited before each answer: for slow networks. */
  readonly beforeAnswer?: (path: string) => Promise<void>;
}

export function serveDirectory(directory: string, options: StaticServerOptions = {}): Promise<StaticServer> {
  const handle: RequestHandler = (request, response) => answer(join(directory, pathOf(request)), request, response);
  return serveHandler(handle, options);
}

/** False when the request is not its own, as of the product's front handlers. */
type RequestHandler = (request: IncomingMessage, response: ServerResponse) => unknown;

/** The same around a handler of the product. */
export async function serveHandler(handle: RequestHandler, options: StaticServerOptions = {}): Promise<StaticServer> {
  const answers: { path: string; status: number }[] = [];
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    await options.beforeAnswer?.(pathOf(request));
    if ((await handle(request, response)) === false) response.writeHead(404).end();
  };
  const server = createServer((request, response) => {
    const path = pathOf(request);
    response.once("finish", () => answers.push({ path, status: response.statusCode }));
    serve(request, response).catch(() => response.writeHead(404).end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    answers,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function pathOf(request: IncomingMessage): string {
  return decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
}

async function answer(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const stats = await stat(path);
  if (!stats.isFile()) throw new Error("not a file");

  const since = Date.parse(request.headers["if-modified-since"] ?? "");
  if (Math.floor(stats.mtimeMs / 1000) * 1000 <= since) {
    response.writeHead(304).end();
    return;
  }
  const stream = createReadStream(path);
  stream.once("error", () => response.destroy());
  stream.once("open", () => {
    response.writeHead(200, { "Content-Length": stats.size, "Last-Modified": stats.mtime.toUTCString() });
    stream.pipe(response);
  });
}
