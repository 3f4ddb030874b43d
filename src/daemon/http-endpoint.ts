import type { TlsConfig } from "./config.ts";

/** Where HTTP is served. */
export interface HttpEndpoint {
  readonly isEncrypted: boolean;
  readonly address: string;
  readonly port: number;
  /** Files of its own; undefined: what the whole instance shows. */
  readonly tls: TlsConfig;
}

/** What each kind listens on when no interface is given; `::` is every address, IPv4 included. */
const EVERY_ADDRESS: Readonly<Record<string, string>> = { tcp: "0.0.0.0", tcp6: "::", ssl: "::" };

/**
 * An endpoint as the original (and Twisted) writes it: "tcp6:port=8066", "tcp:8066:interface=127.0.0.1",
 * "ssl:port=8443:privateKey=/etc/ssl/private/key.pem:certKey=/etc/ssl/certs/cert.pem". A colon in a value is written \:.
 * Returns what is wrong with it as a text.
 */
export function parseHttpEndpoint(text: string): HttpEndpoint | string {
  const [kind = "", ...parts] = splitAtColons(text);
  const everyAddress = Object.hasOwn(EVERY_ADDRESS, kind) ? EVERY_ADDRESS[kind] : undefined;
  if (everyAddress === undefined) return `"${text}" begins with none of tcp:, tcp6:, ssl:`;

  const values = valuesOf(parts);
  const allowed = kind === "ssl" ? ["port", "interface", "privateKey", "certKey"] : ["port", "interface"];
  const unknown = [...values.keys()].find((name) => !allowed.includes(name));
  if (unknown !== undefined) return `"${text}" has the unknown argument ${unknown}; ${kind}: takes ${allowed.join(", ")}`;
  const port = values.get("port") ?? "";
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) return `"${text}" has no port, such as port=8066`;

  const [keyPath, certificatePath] = [values.get("privateKey"), values.get("certKey")];
  if ((keyPath === undefined) !== (certificatePath === undefined))
    return `"${text}" needs both privateKey and certKey, or neither`;
  const tls = keyPath === undefined || certificatePath === undefined ? undefined : { keyPath, certificatePath };
  if (tls !== undefined && !Object.values(tls).every((path) => path.startsWith("/"))) return `"${text}" needs absolute paths`;
  return { isEncrypted: kind === "ssl", address: values.get("interface") ?? everyAddress, port: Number(port), tls };
}

function splitAtColons(text: string): string[] {
  const parts = text.match(/(?:\\.|[^\\:])+|(?<=:)(?=:|$)/gs) ?? [];
  return parts.map((part) => part.replaceAll(/\\(.)/gs, "$1"));
}

/** The first without a name is the port. */
function valuesOf(parts: readonly string[]): Map<string, string> {
  return new Map(
    parts.map((part, index) => {
      const end = part.indexOf("=");
      if (end < 0) return [index === 0 ? "port" : part, part];
      return [part.slice(0, end), part.slice(end + 1)];
    }),
  );
}
