import { Hono } from "hono";
import { followLog, type OperationContext } from "../handlers/index.ts";
import type { HttpEnvironment } from "./environment.ts";
import { queryArguments } from "./raw-arguments.ts";
import { type ServerSentEvent, serverSentEvents } from "./server-sent-events.ts";
import type { StreamParts } from "./stream-quota.ts";

/** The daemon's own log as it grows: `GET /api/v1/log` with `Accept: text/event-stream`, for who may read it; arguments as of `log`. */
export function logStream(ctx: OperationContext, { closing, streams }: StreamParts): Hono<HttpEnvironment> {
  const app = new Hono<HttpEnvironment>();
  app.get("/api/v1/log", async (c, next) => {
    if (c.req.method === "HEAD" || !(c.req.header("accept") ?? "").includes("text/event-stream")) return next();

    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, closing]);
    const lines = await followLog(ctx, { raw: queryArguments(c), visitor: c.get("visitor"), signal });
    streams.hold(c);
    return serverSentEvents(messages(lines), stop);
  });
  return app;
}

async function* messages(lines: AsyncIterable<{ readonly time: string }>): AsyncGenerator<ServerSentEvent> {
  for await (const line of lines) yield { id: line.time, data: line };
}
