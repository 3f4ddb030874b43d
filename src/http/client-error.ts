import type { Server } from "node:http";
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { AccessLog } from "./access-log.ts";

/** What Node's parser says of a connection. */
interface ClientError extends Error {
  readonly code?: string;
  /** What was read last. */
  readonly rawPacket?: Buffer;
}

/** As Node answers by itself when nobody listens. */
const STATUS_OF_ERROR: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Answer what is no request that can be read, as Node does, and log it: no other listener sees it. */
export function answerClientErrors(server: Server, accessLog: AccessLog | undefined): void {
  server.on("clientError", (error: ClientError, socket: Socket) => {
    const { code = "", rawPacket } = error;
    const status = STATUS_OF_ERROR[code] ?? (code.startsWith("HPE_") ? 400 : undefined);
    const isAnswering = "_httpMessage" in socket && socket._httpMessage !== null && socket._httpMessage !== undefined;
    // A connection that broke off, or a handshake of TLS; or the body of a request that is logged by itself.
    if (status === undefined || !socket.writable || isAnswering) {
      socket.destroy();
      return;
    }
    accessLog?.logUnreadable(socket, { status, line: requestLine(rawPacket) });
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`, () => socket.destroy());
  });
}

const LINE_LENGTH_MAX = 1000;

/** Only what has the form of one: the rest may be a body, with a password in it. */
function requestLine(packet: Buffer | undefined): string | undefined {
  const [line = ""] = packet?.toString("latin1", 0, LINE_LENGTH_MAX).split(/\r?\n/, 1) ?? [];
  return /^[A-Za-z]+ \S+( HTTP\/\S*)?$/.test(line) ? line : undefined;
}
