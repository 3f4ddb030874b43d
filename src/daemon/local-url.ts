import { isIPv6 } from "node:net";
import { assert } from "../runtime/index.ts";
import type { HttpConfig } from "./config.ts";

interface LocalHttp {
  readonly http: Pick<HttpConfig, "port" | "address">;
}

const LOOPBACK = "127.0.0.1";

/** Where programs on this machine reach our repositories, without any name service. */
export function localUrl({ http }: LocalHttp): string {
  const isAnyAddress = ["::", "0.0.0.0", "localhost"].includes(http.address);
  const host = isAnyAddress ? LOOPBACK : (extraLoopback({ http }) ?? http.address);
  assert(http.port !== 0, "a fixed HTTP port is needed: builds read our repositories from it");
  return `http://${host}:${http.port}`;
}

/**
 * A second address to listen on, for our own builds: APT's configuration cannot say of an IPv6 address that it is
 * reached without the machine's proxy.
 */
export function extraLoopback({ http }: LocalHttp): string | undefined {
  return isIPv6(http.address) && http.address !== "::" ? LOOPBACK : undefined;
}
