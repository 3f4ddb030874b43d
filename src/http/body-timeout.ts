import type { IncomingMessage, ServerResponse } from "node:http";

const TIMEOUT_ANSWER = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/**
 * The body of this request must be there within `timeoutMs`, or its connection ends. Node's own requestTimeout counts for
 * all requests of a server, and uploads of many gigabytes are some of them.
 */
export function limitBodyTime(request: IncomingMessage, response: ServerResponse, timeoutMs: number): void {
  if (request.complete || !hasBody(request)) return;

  const timer = setTimeout(() => {
    if (request.complete || request.socket.destroyed) return;
    if (response.headersSent) request.socket.destroy();
    else request.socket.end(TIMEOUT_ANSWER, () => request.socket.destroy());
  }, timeoutMs);
  request.once("end", () => clearTimeout(timer));
  request.once("close", () => clearTimeout(timer));
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}
