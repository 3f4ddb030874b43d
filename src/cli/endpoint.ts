import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Endpoint, parseEndpoint } from "../client/index.ts";
import { type DputHost, endpointOfDputHost } from "./dput-hosts.ts";

export interface EndpointChoice {
  /** --endpoint or MINI_BUILDD_ENDPOINT: a URL, host:port, host, or the name of a host in dput.cf. */
  readonly given: string | undefined;
  /** Of client.toml. */
  readonly configured: string | undefined;
  readonly dputHosts: readonly DputHost[];
  readonly home: string;
  /** What is to be done is for the owner of the home: the socket is tried first. */
  readonly isForOwner: boolean;
  /** An API token speaks for a user, who is not the owner of the home. */
  readonly hasToken: boolean;
}

const DEFAULT_ENDPOINT = "http://localhost:8066";
/** As dput_conf names it. */
const DPUT_PREFIX = "mini-buildd-";

/**
 * What is said counts first: argument, environment, client.toml. Else the instance of this machine, by the socket in its
 * home; else the only mini-buildd of dput.cf; else the usual port here. Throws ENDPOINT_INVALID (invalid).
 */
export function chooseEndpoint(choice: EndpointChoice): Endpoint {
  const { given, configured, dputHosts, home, isForOwner, hasToken } = choice;
  const said = given ?? configured;
  if (said !== undefined) return networkEndpoint(said, dputHosts);

  const path = join(home, "run", "control.sock");
  const socket: Endpoint = { kind: "socket", path, url: new URL("http://localhost/") };
  if (!hasToken && existsSync(path)) return socket;
  const known = dputHosts.filter(({ name }) => name.startsWith(DPUT_PREFIX));
  if (known.length === 1 && known[0] !== undefined) return networkEndpoint(known[0].name, dputHosts);
  // There is none: the error says whose socket was looked for.
  return isForOwner && !hasToken ? socket : networkEndpoint(DEFAULT_ENDPOINT, []);
}

function networkEndpoint(text: string, dputHosts: readonly DputHost[]): Endpoint {
  const host = dputHosts.find(({ name }) => name === text);
  return parseEndpoint(host === undefined ? text : endpointOfDputHost(host));
}
