import type { IncomingHttpHeaders } from "node:http";

/** What tells whether a client's copy is still the file's content. */
export interface Validators {
  /** Strong. */
  readonly etag: string;
  /** Whole seconds, as HTTP dates are. */
  readonly modifiedSeconds: number;
  /** What we say in Last-Modified; may be earlier. */
  readonly announcedSeconds: number;
}

/**
 * HTTP dates have whole seconds: a file that changed in this second may change again in it, and a client that was told this
 * second would take the second content for the first. So until the second is over, the one before is announced.
 */
const SETTLED_AFTER_SECONDS = 2;

export function validatorsOf(file: { ino: bigint; size: bigint; mtimeNs: bigint }, now: Date): Validators {
  const modifiedSeconds = Number(file.mtimeNs / 1_000_000_000n);
  const nowSeconds = Math.floor(now.getTime() / 1000);
  const isSettled = nowSeconds - modifiedSeconds >= SETTLED_AFTER_SECONDS;
  return {
    etag: `"${file.ino.toString(36)}-${file.size.toString(36)}-${file.mtimeNs.toString(36)}"`,
    modifiedSeconds,
    announcedSeconds: isSettled ? modifiedSeconds : Math.min(modifiedSeconds, nowSeconds) - 1,
  };
}

export type Precondition = "send" | "not-modified" | "failed";

/** RFC 9110 §13.2.2, in its order. */
export function evaluatePreconditions(headers: IncomingHttpHeaders, validators: Validators): Precondition {
  const ifMatch = headers["if-match"];
  const ifUnmodifiedSince = parseHttpDate(headers["if-unmodified-since"]);
  if (ifMatch !== undefined) {
    if (!matchesEtag(ifMatch, validators.etag, "strong")) return "failed";
  } else if (ifUnmodifiedSince !== undefined && validators.modifiedSeconds > ifUnmodifiedSince) {
    return "failed";
  }

  const ifNoneMatch = headers["if-none-match"];
  if (ifNoneMatch !== undefined) return matchesEtag(ifNoneMatch, validators.etag, "weak") ? "not-modified" : "send";
  const ifModifiedSince = parseHttpDate(headers["if-modified-since"]);
  return ifModifiedSince !== undefined && validators.modifiedSeconds <= ifModifiedSince ? "not-modified" : "send";
}

/** Whether a Range is to be honoured: the client's part is of this very content (RFC 9110 §13.1.5). */
export function rangeApplies(ifRange: string | undefined, validators: Validators): boolean {
  if (ifRange === undefined) return true;
  if (/^\s*(W\/)?"/.test(ifRange)) return ifRange.trim() === validators.etag;

  const isSettled = validators.announcedSeconds === validators.modifiedSeconds;
  return isSettled && parseHttpDate(ifRange) === validators.modifiedSeconds;
}

function matchesEtag(header: string, etag: string, comparison: "strong" | "weak"): boolean {
  if (header.trim() === "*") return true;
  const listed = header.match(/(?:W\/)?"[^"]*"/g) ?? [];
  return listed.some((tag) => (comparison === "weak" ? tag.replace(/^W\//, "") : tag) === etag);
}

/** Seconds since the epoch; a header that is no date is as if it were not there. */
function parseHttpDate(text: string | undefined): number | undefined {
  if (text === undefined || !/^[A-Za-z]{3,9},? .*\d/.test(text)) return undefined;
  const ms = Date.parse(/\bGMT\b|[+-]\d{4}$/.test(text) ? text : `${text} GMT`);
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000);
}
