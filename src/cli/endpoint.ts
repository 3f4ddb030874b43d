import { existsSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../runtime/index.ts";

/** Where an instance is reached: over the network, or by its owner through the socket in its home. */
export type Endpoint =
  | { readonly kind: "network"; readonly url: URL }
  | { readonly kind: "socket"; readonly path: string; readonly url: URL };

export interface EndpointChoice {
  /** --endpoint or MINI_BUILDD_ENDPOINT. */
  readonly endpoint: string | undefined;
  readonly home: string;
  /** What is to be done is for the owner of the home: the socket is tried first. */
  readonly isForOwner: boolean;
  /** An API token speaks for a user, who is not the owner of the home. */
  readonly hasToken?: boolean | undefined;
}

const DEFAULT_ENDPOINT = "http://localhost:8066";

/** Throws ENDPOINT_INVALID (invalid). */
export function chooseEndpoint({ endpoint, home, isForOwner, hasToken }: EndpointChoice): Endpoint {
  if (endpoint !== undefined) return { kind: "network", url: parseEndpoint(endpoint) };
  if (hasToken === true) return { kind: "network", url: new URL(DEFAULT_ENDPOINT) };

  const path = join(home, "run", "control.sock");
  if (isForOwner || existsSync(path)) return { kind: "socket", path, url: new URL("http://localhost/") };
  return { kind: "network", url: new URL(DEFAULT_ENDPOINT) };
}

/** `host`, `host:port` or an http(s) URL. */
export function parseEndpoint(text: string): URL {
  const withScheme = /^https?:\/\//.test(text) ? text : `http://${text}`;
  if (!URL.canParse(withScheme)) {
    throw new AppError({
      kind: "invalid",
      code: "ENDPOINT_INVALID",
      message: `"${text}" is not the address of an instance`,
      hint: "Give a URL like http://buildd.example.org:8066, or host:port",
    });
  }
  const url = new URL(withScheme);
  const hasPort = /:\d+\/?$/.test(text) || url.protocol === "https:";
  if (!hasPort && url.port === "") url.port = "8066";
  return url;
}
