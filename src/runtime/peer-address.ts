import { isIP } from "node:net";

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
