import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { type ByteRange, parseByteRange } from "./byte-range.ts";
import { evaluatePreconditions, rangeApplies, type Validators } from "./validators.ts";

export interface FileRequest {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly sizeBytes: number;
  readonly validators: Validators;
  readonly contentType: string;
  readonly cacheControl: string;
}

export interface ChosenResponse {
  readonly status: 200 | 206 | 304 | 412 | 416;
  readonly headers: OutgoingHttpHeaders;
  /** Which bytes of the file are the body; undefined for none. */
  readonly range: ByteRange | undefined;
}

/** Status, headers and bytes for a file that is there. */
export function chooseResponse(request: FileRequest): ChosenResponse {
  const { method, headers, sizeBytes, validators } = request;
  const common: OutgoingHttpHeaders = {
    etag: validators.etag,
    "last-modified": new Date(validators.announcedSeconds * 1000).toUTCString(),
    "cache-control": request.cacheControl,
    "accept-ranges": "bytes",
    "x-content-type-options": "nosniff",
  };

  const precondition = evaluatePreconditions(headers, validators);
  if (precondition === "failed") return { status: 412, headers: { ...common, "content-length": 0 }, range: undefined };
  if (precondition === "not-modified") return { status: 304, headers: common, range: undefined };

  const described = { ...common, "content-type": request.contentType };
  const wanted = method === "GET" && headers.range !== undefined && rangeApplies(headers["if-range"]?.toString(), validators);
  const range = wanted ? parseByteRange(headers.range ?? "", sizeBytes) : undefined;
  if (range === "unsatisfiable") {
    return {
      status: 416,
      headers: { ...common, "content-range": `bytes */${sizeBytes}`, "content-length": 0 },
      range: undefined,
    };
  }
  if (range === undefined) {
    const all = { first: 0, last: sizeBytes - 1 };
    return { status: 200, headers: { ...described, "content-length": sizeBytes }, range: all };
  }
  const partial = {
    ...described,
    "content-range": `bytes ${range.first}-${range.last}/${sizeBytes}`,
    "content-length": range.last - range.first + 1,
  };
  return { status: 206, headers: partial, range };
}
