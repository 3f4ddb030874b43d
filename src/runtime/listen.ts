import { once } from "node:events";
import type { Server } from "node:net";

const EVERY_ADDRESS = "::";
const EVERY_IPV4_ADDRESS = "0.0.0.0";

/**
 * Listen; `::` on a machine without IPv6 is every IPv4 address. Returns the address it listens on, throws what the
 * kernel said.
 */
export async function listenOnPort(server: Server, { host, port }: { host: string; port: number }): Promise<string> {
  try {
    server.listen({ host, port });
    await once(server, "listening");
    return host;
  } catch (error) {
    if (host !== EVERY_ADDRESS || !isAddressMissing(error)) throw error;
    return listenOnPort(server, { host: EVERY_IPV4_ADDRESS, port });
  }
}

/** The address, or its whole family, is not there. */
export function isAddressMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EAFNOSUPPORT" || error.code === "EADDRNOTAVAIL");
}
