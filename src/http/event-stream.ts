import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono } from "hono";
import { AppError } from "../runtime/index.ts";
import { checkEventTypes, type ViewContext } from "../views/index.ts";
import type { HttpEnvironment } from "./environment.ts";
import { EventHub } from "./event-hub.ts";
import { STREAM_HEADERS } from "./server-sent-events.ts";
import type { StreamParts } from "./stream-quota.ts";

/**
 * Events as they happen: `GET /api/v1/events` with `Accept: text/event-stream`. Begins after `Last-Event-ID` or
 * `after`, without both with what happens from now on. `types` as in the operation `events`, `upload` narrows to one.
 */
export function eventStream(views: ViewContext, { closing, streams }: StreamParts): Hono<HttpEnvironment> {
  const hub = new EventHub(views.events, closing);
  const app = new Hono<HttpEnvironment>();
  app.get("/api/v1/events", async (c, next) => {
    const { response } = c.env;
    if (response === undefined || !(c.req.header("accept") ?? "").includes("text/event-stream")) return next();

    const listening = {
      afterId: startId(c.req.header("last-event-id") ?? c.req.query("after")),
      types: checkEventTypes(c.req.query("types")?.split(",")),
      uploadId: c.req.query("upload"),
    };
    if (c.req.method === "HEAD") return c.body(null, 200, STREAM_HEADERS);
    streams.hold(c);
    hub.add(response, listening);
    return RESPONSE_ALREADY_SENT;
  });
  return app;
}

function startId(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);

  throw new AppError({
    kind: "invalid",
    code: "EVENT_ID_INVALID",
    message: `${JSON.stringify(text.slice(0, 100))} is no event id`,
    hint: "Last-Event-ID and after are the number of the last event seen",
  });
}
