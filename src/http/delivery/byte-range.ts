/** First and last byte, both inclusive. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * A Range header for a representation of this size (RFC 9110 §14). `undefined`: send all of it; that is allowed for what
 * is malformed, in other units, or asks for several ranges at once, which no APT does.
 */
export function parseByteRange(header: string, sizeBytes: number): ByteRange | "unsatisfiable" | undefined {
  const match = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i.exec(header);
  if (match === null) return undefined;

  const [, from = "", to = ""] = match;
  if (from === "" && to === "") return undefined;
  if (from === "") return lastBytes(Number(to), sizeBytes);

  const first = Number(from);
  const last = to === "" ? Infinity : Number(to);
  if (last < first) return undefined;
  return first >= sizeBytes ? "unsatisfiable" : { first, last: Math.min(last, sizeBytes - 1) };
}

function lastBytes(count: number, sizeBytes: number): ByteRange | "unsatisfiable" {
  if (count === 0 || sizeBytes === 0) return "unsatisfiable";
  return { first: Math.max(0, sizeBytes - count), last: sizeBytes - 1 };
}
