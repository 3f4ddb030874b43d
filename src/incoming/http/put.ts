import type { IncomingMessage, ServerResponse } from "node:http";
import { TLSSocket } from "node:tls";
import { AppError, asAppError, type Limits, type Logger, normaliseAddress } from "../../runtime/index.ts";
import type { UploadChannel } from "../channel.ts";
import type { Intake, Quarantine } from "../quarantine.ts";
import { fromBrowser, transferCut } from "../upload-errors.ts";
import type { UploadQuota } from "../upload-quota.ts";
import { isWaitingForContinue, respond } from "./respond.ts";

export interface PutHandlerOptions {
  readonly quarantine: Quarantine;
  readonly quota: UploadQuota;
  readonly limits: Pick<Limits, "uploadIdleTimeoutMs">;
  readonly logger: Logger;
}

/**
 * Handles what is addressed to /upload/ and resolves to true; false, with nothing done, for every other request.
 * Usable for `request` and for `checkContinue` events of a Node server.
 */
export type UploadHandler = (request: IncomingMessage, response: ServerResponse) => Promise<boolean>;

const UPLOAD_PATH = "/upload/";

/**
 * `PUT /upload/<file>`, as the http methods of dput and dput-ng send it: anonymous, one file a request. The answer says
 * only that the file is stored; what becomes of the upload is told by events.
 */
export function createPutHandler(options: PutHandlerOptions): UploadHandler {
  return async (request, response) => {
    const path = (request.url ?? "").split("?")[0] ?? "";
    if (path !== "/upload" && !path.startsWith(UPLOAD_PATH)) return false;

    if (request.method !== "PUT") {
      respond(request, response, {
        status: 405,
        body: {
          code: "METHOD_NOT_ALLOWED",
          message: "files are uploaded by PUT",
          hint: "Send each file with PUT /upload/<file>",
        },
        allow: "PUT",
      });
      return true;
    }
    // A socket that broke off has no address any more.
    const peer = normaliseAddress(request.socket.remoteAddress);
    try {
      await receive(options, request, response, { path, peer });
    } catch (error) {
      await refuse(options, request, response, { thrown: error, path, peer });
    }
    return true;
  };
}

async function receive(
  { quarantine, quota, limits }: PutHandlerOptions,
  request: IncomingMessage,
  response: ServerResponse,
  { path, peer }: { path: string; peer: string },
): Promise<void> {
  const release = quota.connect(peer);
  let intake: Intake | undefined;
  try {
    refuseBrowser(request);
    const name = fileNameOf(path);
    intake = await quarantine.begin({ name, channel: channelOf(request), peer, expectedSizeBytes: announcedSize(request) });
    // Only now may the client send: a refusal above costs it no transfer.
    if (isWaitingForContinue(request, response)) response.writeContinue();
    request.setTimeout(limits.uploadIdleTimeoutMs, () => request.destroy());
    await readBody(request, intake, name);

    const receipt = await intake.finish();
    receipt.settle();
    respond(request, response, { status: 201, body: `Stored ${name}, ${receipt.sizeBytes} bytes` });
  } finally {
    await intake?.abort();
    release();
  }
}

/**
 * Browsers send what any page tells them to, from inside the network of who looks at it. They say so themselves; no
 * uploading program sends these headers.
 */
function refuseBrowser({ headers }: IncomingMessage): void {
  const isBrowser = Object.keys(headers).some((name) => name === "origin" || name.startsWith("sec-fetch-"));
  if (isBrowser) throw fromBrowser();
}

/** The body's own framing (Content-Length or chunks) tells its end: a broken connection throws here. */
async function readBody(request: IncomingMessage, intake: Intake, name: string): Promise<void> {
  let receivedBytes = 0;
  try {
    // The stream must survive a refused write: the client has to be read out before it looks at the answer.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      receivedBytes += (chunk as Buffer).length;
      await intake.write(chunk as Buffer);
    }
  } catch (error) {
    throw error instanceof AppError ? error : transferCut(name, receivedBytes);
  }
  if (!request.complete) throw transferCut(name, receivedBytes);
}

function channelOf({ socket }: IncomingMessage): UploadChannel {
  return socket instanceof TLSSocket ? "https" : "http";
}

/** The last part of the path. What does not decode, or holds a slash, is no name and refused as such. */
function fileNameOf(path: string): string {
  const encoded = path.slice(UPLOAD_PATH.length);
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

function announcedSize(request: IncomingMessage): number | undefined {
  const length = request.headers["content-length"];
  return length === undefined ? undefined : Number(length);
}

/** dput-ng takes a 403 for "already there" and calls the upload a success: never answer that. */
const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  UPLOAD_FILE_NAME_INVALID: 400,
  UPLOAD_FROM_BROWSER: 400,
  UPLOAD_FILE_TOO_LARGE: 413,
  UPLOAD_TRANSFER_CUT: 400,
  UPLOAD_PEER_BUSY: 429,
  UPLOAD_QUARANTINE_FULL: 507,
  UPLOAD_DISK_RESERVE: 507,
  UPLOAD_DISK_FULL: 507,
};

async function refuse(
  { logger, quarantine }: PutHandlerOptions,
  request: IncomingMessage,
  response: ServerResponse,
  { thrown, path, peer }: { thrown: unknown; path: string; peer: string },
): Promise<void> {
  const error = asAppError(thrown);
  logger[error.kind === "bug" ? "error" : "warn"]("HTTP upload refused", { error: thrown, code: error.code, peer });
  if (error.kind !== "bug") await quarantine.recordRefusal({ name: fileNameOf(path), channel: channelOf(request), peer, error });

  respond(request, response, { status: STATUS_OF_CODE[error.code] ?? 500, body: error });
}
