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

export async function serveDirectory(directory: string, options: StaticServerOptions = {}): Promise<StaticServer> {
  const answers: { path: string; status: number }[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
    response.once("finish", () => answers.push({ path, status: response.statusCode }));
    const begin = options.beforeAnswer?.(path) ?? Promise.resolve();
    begin.then(() => answer(join(directory, path), request, response)).catch(() => response.writeHead(404).end());
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
