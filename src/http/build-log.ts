import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { type Context, Hono } from "hono";
import { AppError } from "../runtime/index.ts";
import { type BuildLogSource, findBuildLog, logText, readBuildLog, type ViewContext } from "../views/index.ts";
import type { HttpEnvironment } from "./environment.ts";
import { type ServerSentEvent, serverSentEvents } from "./server-sent-events.ts";
import type { StreamParts } from "./stream-quota.ts";

/**
 * A build's log, `GET /api/v1/builds/<build id>/log`: as text that ends when the build ends (`follow=0`: what is
 * there now), or as Server-Sent Events whose id is the offset in bytes after the piece. Goes on at `offset` or
 * `Last-Event-ID`. `raw=1`: the bytes as the build printed them, to be saved and not shown.
 */
export function buildLog(views: ViewContext, { closing, streams }: StreamParts): Hono<HttpEnvironment> {
  const app = new Hono<HttpEnvironment>();
  app.get("/api/v1/builds/:source/:version/:timecode/:build/log", async (c) => {
    const { source, version, timecode, build } = c.req.param();
    const log = await findBuildLog(views, `${source}/${version}/${timecode}/${build}`);
    // A stream that nobody reads would keep the file open.
    if (c.req.method === "HEAD") return c.body(null, 200, textHeaders);
    streams.hold(c);
    const request = { log, offsetBytes: startOffset(c), closing };

    if ((c.req.header("accept") ?? "").includes("text/event-stream")) return logEvents(request);
    if (c.req.query("raw") === "1") return rawLog(c, request);
    return plainLog(c, request);
  });
  return app;
}

interface LogRequest {
  readonly log: BuildLogSource;
  readonly offsetBytes: number;
  readonly closing: AbortSignal;
}

function logEvents({ log, offsetBytes, closing }: LogRequest): Response {
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, closing]);
  return serverSentEvents(logMessages(log, offsetBytes, signal), stop);
}

async function* logMessages(log: BuildLogSource, offsetBytes: number, signal: AbortSignal): AsyncGenerator<ServerSentEvent> {
  let end = offsetBytes;
  for await (const piece of readBuildLog(log, { offsetBytes, follow: true, signal })) {
    end = piece.endBytes;
    yield { id: String(end), data: logText(piece.bytes) };
  }
  // Not when the server stops or the client left: then it comes back and goes on.
  if (!signal.aborted) yield { id: String(end), event: "end", data: null };
}

function plainLog(c: Context, request: LogRequest): Response {
  return textResponse(c, request, (bytes) => Buffer.from(logText(bytes)));
}

/** What is kept compressed goes out as it is, to those who can take it. */
async function rawLog(c: Context, request: LogRequest): Promise<Response> {
  const keptPath = `${request.log.path}.gz`;
  const takesGzip = /\bgzip\b/.test(c.req.header("accept-encoding") ?? "");
  const isKept = (await stat(keptPath).catch(() => undefined)) !== undefined;
  if (!isKept || !takesGzip || request.offsetBytes > 0) return textResponse(c, request, (bytes) => bytes);

  const body = Readable.toWeb(createReadStream(keptPath)) as ReadableStream<Uint8Array>;
  return c.body(body, 200, { ...textHeaders, "content-encoding": "gzip" });
}

const textHeaders = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store", "x-accel-buffering": "no" };

function textResponse(c: Context, request: LogRequest, convert: (bytes: Buffer) => Buffer): Response {
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, request.closing]);
  const follow = c.req.query("follow") !== "0";
  const pieces = readBuildLog(request.log, { offsetBytes: request.offsetBytes, follow, signal });

  const body = new ReadableStream<Uint8Array>({
    async pull(stream) {
      const next = await pieces.next();
      if (next.done === true) stream.close();
      else stream.enqueue(convert(next.value.bytes));
    },
    async cancel() {
      stop.abort();
      await pieces.return(undefined);
    },
  });
  return c.body(body, 200, textHeaders);
}

function startOffset(c: Context): number {
  const text = c.req.header("last-event-id") ?? c.req.query("offset") ?? "0";
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);

  throw new AppError({
    kind: "invalid",
    code: "LOG_OFFSET_INVALID",
    message: `${JSON.stringify(text.slice(0, 100))} is no offset in a log`,
    hint: "Last-Event-ID and offset are a number of bytes",
  });
}
