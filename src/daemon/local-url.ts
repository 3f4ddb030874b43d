import { assert } from "../runtime/index.ts";
import type { Config } from "./config.ts";

/** Where programs on this machine reach our repositories, without any name service. */
export function localUrl({ http }: Pick<Config, "http">): string {
  const isAnyAddress = ["::", "0.0.0.0", "localhost"].includes(http.address);
  const host = isAnyAddress ? "127.0.0.1" : http.address.includes(":") ? `[${http.address}]` : http.address;
  assert(http.port !== 0, "a fixed HTTP port is needed: builds read our repositories from it");
  return `http://${host}:${http.port}`;
}
