import { once } from "node:events";
import type { Socket } from "node:net";
import { type SecureContext, type SecureVersion, TLSSocket } from "node:tls";

/** How a server encrypts; absent: it does not. */
export interface FtpEncryption {
  /** For a connection that begins now. */
  secureContext(maxVersion?: SecureVersion): SecureContext;
  /** Nothing but AUTH is answered in the clear, and no file is taken so. */
  readonly isRequired: boolean;
}

const HANDSHAKE_TIMEOUT_MS = 30_000;
/** With TLS 1.3 lftp's uploads break off: it closes before it has read what comes after the handshake. */
const DATA_VERSION_MAX: SecureVersion = "TLSv1.2";

/** The server's side of TLS over a connection, also over one that we opened; its handshake is still to come. */
export function wrapInTls(socket: Socket, encryption: FtpEncryption, channel: "control" | "data"): TLSSocket {
  const secureContext = channel === "data" ? encryption.secureContext(DATA_VERSION_MAX) : encryption.secureContext();
  return new TLSSocket(socket, { isServer: true, secureContext });
}

/** Throws when it fails, takes too long, or the signal comes first. The socket is destroyed then. */
export async function finishHandshake(socket: TLSSocket, signal: AbortSignal): Promise<void> {
  const closed = new AbortController();
  const lose = (): void => closed.abort(new Error("the connection ended during the TLS handshake"));
  socket.once("close", lose);
  try {
    const given = AbortSignal.any([signal, closed.signal, AbortSignal.timeout(HANDSHAKE_TIMEOUT_MS)]);
    await once(socket, "secure", { signal: given });
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    socket.off("close", lose);
  }
}

/**
 * TLS has an end of its own, and clients (Python's ftplib) wait for it. Resolves when ours is out, or the connection
 * is gone.
 */
export function endOrderly(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) {
      resolve();
      return;
    }
    socket.once("close", () => resolve());
    socket.end(() => resolve());
  });
}
