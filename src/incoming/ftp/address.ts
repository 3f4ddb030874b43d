import { isIP, isIPv4, isIPv6 } from "node:net";

export interface DataAddress {
  readonly host: string;
  readonly port: number;
}

/** PORT's argument: h1,h2,h3,h4,p1,p2. */
export function parsePortArgument(argument: string): DataAddress | undefined {
  const match = /^(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})$/.exec(argument.trim());
  if (match === null) return undefined;

  const numbers = match.slice(1).map(Number);
  if (numbers.some((number) => number > 255)) return undefined;
  return { host: numbers.slice(0, 4).join("."), port: numbers[4]! * 256 + numbers[5]! };
}

/** EPRT's argument (RFC 2428): |1|132.235.1.2|6275| or |2|1080::8:800:200C:417A|5282|, any delimiter. */
export function parseExtendedPortArgument(argument: string): DataAddress | undefined {
  const delimiter = argument[0];
  if (delimiter === undefined || /[0-9A-Za-z]/.test(delimiter)) return undefined;

  const [before, family, host, port, after, ...rest] = argument.split(delimiter);
  if (before !== "" || after !== "" || rest.length > 0) return undefined;
  if (host === undefined || port === undefined || !/^\d{1,5}$/.test(port) || Number(port) > 65_535) return undefined;
  if (family === "1" ? !isIPv4(host) : family !== "2" || !isIPv6(host)) return undefined;
  return { host, port: Number(port) };
}

/** 227's tail: (h1,h2,h3,h4,p1,p2). */
export function formatPassiveReply(host: string, port: number): string {
  return `(${host.replaceAll(".", ",")},${Math.floor(port / 256)},${port % 256})`;
}

/**
 * An address in the one form that can be compared: IPv4 inside IPv6 as plain IPv4, IPv6 without zone, compressed.
 * Empty for a connection that is gone.
 */
export function normaliseAddress(address: string | undefined): string {
  const withoutZone = (address ?? "").split("%")[0] ?? "";
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(withoutZone)?.[1];
  if (mapped !== undefined) return mapped;
  if (isIP(withoutZone) !== 6) return withoutZone;
  return new URL(`http://[${withoutZone}]`).hostname.slice(1, -1);
}

/**
 * Whom quotas count for a normalised address: IPv4 itself, of IPv6 its /64. A network gives each customer a /64 or more,
 * so by single addresses one host would have as many quotas as it likes.
 */
export function quotaKeyOf(peer: string): string {
  if (isIP(peer) !== 6) return peer;

  const [head = "", tail] = peer.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array.from({ length: zeros }, () => "0"), ...after];
  return `${groups.slice(0, 4).join(":")}::/64`;
}
