import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly authorization: string | undefined;
}

type Answer = (request: SeenRequest, response: ServerResponse) => void;

/** A real server that answers what a test wants, and remembers what it was asked. Set `answer` before use. */
export class TestServer {
  readonly requests: SeenRequest[] = [];
  answer: Answer = (_, response) => void response.writeHead(404).end();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => void this.#take(request, response));
  }

  listen(where: { port: 0 } | { path: string }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject).listen("path" in where ? where : { port: 0, host: "127.0.0.1" }, resolve);
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen = {
      method: request.method ?? "",
      path: request.url ?? "",
      body: await text(request),
      authorization: request.headers.authorization,
    };
    this.requests.push(seen);
    this.answer(seen, response);
  }
}

export function answerJson(response: ServerResponse, value: unknown, status = 200): void {
  const type = status < 400 ? "application/json" : "application/problem+json";
  response.writeHead(status, { "content-type": type }).end(JSON.stringify(value));
}
