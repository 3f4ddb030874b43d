import { isIPv4, isIPv6 } from "node:net";

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
