import type { IncomingMessage, ServerResponse } from "node:http";
import { TLSSocket } from "node:tls";
import { normaliseAddress } from "../runtime/index.ts";

export interface EncryptedOnly {
  readonly redirectTo?: string | undefined;
  readonly hstsSeconds?: number | undefined;
}

/**
 * Send who comes unencrypted to the encrypted address (308: with the same method), but not who comes from this machine:
 * builds read our repositories without encryption. Tells browsers that come encrypted to go on so. True: it has answered.
 */
export function goEncrypted(
  { redirectTo, hstsSeconds = 0 }: EncryptedOnly,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  if (request.socket instanceof TLSSocket) {
    if (hstsSeconds > 0) response.setHeader("strict-transport-security", `max-age=${hstsSeconds}`);
    return false;
  }
  if (redirectTo === undefined || isLoopback(normaliseAddress(request.socket.remoteAddress))) return false;

  // Only a path: "//elsewhere/" or "http://elsewhere/" would lead away from us.
  const path = request.url?.startsWith("/") === true ? request.url : "/";
  response.writeHead(308, { location: `${redirectTo.replace(/\/$/, "")}${path}`, connection: "close", "content-length": 0 });
  response.end();
  return true;
}

function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}
