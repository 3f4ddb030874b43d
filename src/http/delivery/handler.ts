import { type BigIntStats, realpathSync, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { type Clock, systemClock } from "../../runtime/index.ts";
import { FileCache } from "./file-cache.ts";
import { cacheControl, contentType } from "./file-headers.ts";
import { renderListing } from "./listing.ts";
import { isAbsence, openInside } from "./open-inside.ts";
import { parseRequestPath, type RequestedPath } from "./request-path.ts";
import { type ChosenResponse, chooseResponse } from "./response-choice.ts";
import { sendHandle, sendProblem, sendText } from "./send.ts";
import { addressOf, type FindSnapshot, placeSnapshot } from "./snapshot-path.ts";
import { validatorsOf } from "./validators.ts";

export interface DeliveryOptions {
  /** HOME/repositories; symbolic links inside may point inside only. */
  readonly repositoriesPath: string;
  /** Makes distributions at an instant; without it there are none. */
  readonly findSnapshot?: FindSnapshot | undefined;
  readonly clock?: Clock | undefined;
}

/** Handles what is addressed to /repositories; false, with nothing done, for every other request. */
export type DeliveryHandler = (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;

type FoundPath = Extract<RequestedPath, { type: "path" }>;

const CACHED_FILE_SIZE_BYTES_MAX = 1024 ** 2;
const CACHE_SIZE_BYTES_MAX = 32 * 1024 ** 2;

/**
 * Serves published repositories, `/repositories/<id>/{dists,pool}/…`, to APT: ranges, conditional requests, HEAD, and
 * caching as CORRECTNESS 3 wants it. Only GET and HEAD; directories as lists of links.
 */
export function createDeliveryHandler(options: DeliveryOptions): DeliveryHandler {
  const delivery = new Delivery(options.repositoriesPath, options.clock ?? systemClock);
  const { findSnapshot } = options;
  return (request, response) => {
    const requested = parseRequestPath(request.url ?? "");
    if (requested.type === "elsewhere") return false;

    const isRead = request.method === "GET" || request.method === "HEAD";
    if (!isRead) sendProblem(request, response, ONLY_READ);
    else if (requested.type === "malformed") sendProblem(request, response, MALFORMED);
    else if (requested.type === "hidden") sendProblem(request, response, NOT_FOUND);
    else if (requested.parts[1] !== "snapshot") return delivery.deliver(request, response, requested);
    else return deliverSnapshot({ delivery, findSnapshot }, request, response, requested);
    return true;
  };
}

interface SnapshotDelivery {
  readonly delivery: Delivery;
  readonly findSnapshot: FindSnapshot | undefined;
}

async function deliverSnapshot(
  { delivery, findSnapshot }: SnapshotDelivery,
  request: IncomingMessage,
  response: ServerResponse,
  requested: FoundPath,
): Promise<boolean> {
  const place = await placeSnapshot(findSnapshot, requested.parts);
  if (place.type === "path") return delivery.deliver(request, response, { ...requested, parts: place.parts });
  if (place.type === "nothing") return sendProblem(request, response, place);

  const location = addressOf(place.parts, requested.hasTrailingSlash);
  return sendText(request, response, { status: 302, text: location, headers: { location } });
}

const NOT_FOUND = {
  status: 404,
  code: "PATH_NOT_FOUND",
  message: "there is no such file in a repository",
  hint: "Begin at /repositories/, or with the APT source that sources_list gives",
};
const MALFORMED = { status: 400, code: "PATH_INVALID", message: "this is no path of a file in a repository" };
const ONLY_READ = {
  status: 405,
  code: "METHOD_NOT_ALLOWED",
  message: "files of repositories answer to GET and HEAD only",
  hint: "Uploads go by dput, or by PUT /upload/<file>",
  headers: { allow: "GET, HEAD" },
};

class Delivery {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #cache = new FileCache(CACHE_SIZE_BYTES_MAX);
  #rootPath: string | undefined;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  deliver(request: IncomingMessage, response: ServerResponse, requested: FoundPath): boolean | Promise<boolean> {
    const path = join(this.#path, ...requested.parts);
    // Synchronous, because it takes microseconds where a trip through the thread pool takes ten times that; and it is
    // what makes a cached file safe to send: no answer is ever older than the file system.
    const stats = statOf(path);
    if (stats === undefined) return sendProblem(request, response, NOT_FOUND);
    if (stats.isDirectory()) return this.#sendDirectory(request, response, { path, requested });
    if (!stats.isFile() || requested.hasTrailingSlash) return sendProblem(request, response, NOT_FOUND);

    const cached = this.#cache.find(path, identityOf(stats));
    if (cached === undefined) return this.#sendFile(request, response, { path, requested });

    const choice = this.#choose(request, requested, stats);
    response.writeHead(choice.status, choice.headers);
    response.end(isBodyWanted(request, choice) ? bodyOf(cached, choice) : undefined);
    return true;
  }

  async #sendFile(
    request: IncomingMessage,
    response: ServerResponse,
    { path, requested }: { path: string; requested: FoundPath },
  ): Promise<boolean> {
    const handle = await openInside(path, this.#root());
    if (handle === undefined) return sendProblem(request, response, NOT_FOUND);

    try {
      // Of the open file: the path may have been switched meanwhile.
      const stats = await handle.stat({ bigint: true });
      const choice = this.#choose(request, requested, stats);
      if (stats.size > CACHED_FILE_SIZE_BYTES_MAX) {
        await sendHandle(response, handle, isBodyWanted(request, choice) ? choice : { ...choice, range: undefined });
        return true;
      }
      const content = await handle.readFile();
      this.#cache.store(path, { identity: identityOf(stats), content });
      response.writeHead(choice.status, choice.headers);
      response.end(isBodyWanted(request, choice) ? bodyOf(content, choice) : undefined);
      return true;
    } finally {
      await handle.close();
    }
  }

  #choose(request: IncomingMessage, requested: FoundPath, stats: BigIntStats): ChosenResponse {
    const { parts } = requested;
    return chooseResponse({
      method: request.method ?? "GET",
      headers: request.headers,
      sizeBytes: Number(stats.size),
      validators: validatorsOf(stats, this.#clock.now()),
      contentType: contentType(parts.at(-1) ?? "", parts.includes("by-hash")),
      cacheControl: cacheControl(parts),
    });
  }

  async #sendDirectory(
    request: IncomingMessage,
    response: ServerResponse,
    { path, requested }: { path: string; requested: FoundPath },
  ): Promise<boolean> {
    if (!requested.hasTrailingSlash) {
      const location = `/repositories/${requested.parts.map((part) => `${encodeURIComponent(part)}/`).join("")}`;
      return sendText(request, response, { status: 301, text: location, headers: { location } });
    }
    const handle = await openInside(path, this.#root());
    if (handle === undefined) return sendProblem(request, response, NOT_FOUND);

    try {
      const text = await renderListing(`/proc/self/fd/${handle.fd}`, requested.parts);
      const headers = { "content-type": "text/html; charset=utf-8", "content-security-policy": "default-src 'none'" };
      return sendText(request, response, { status: 200, text, headers });
    } finally {
      await handle.close();
    }
  }

  /** The home may lie behind links itself; it does not move while we run. */
  #root(): string {
    this.#rootPath ??= realpathSync(this.#path);
    return this.#rootPath;
  }
}

function statOf(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

function identityOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}`;
}

function isBodyWanted(request: IncomingMessage, choice: ChosenResponse): boolean {
  return request.method !== "HEAD" && choice.range !== undefined;
}

function bodyOf(content: Buffer, { range }: ChosenResponse): Buffer {
  return range === undefined ? Buffer.alloc(0) : content.subarray(range.first, range.last + 1);
}
