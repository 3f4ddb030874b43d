import { Hono } from "hono";
import { AppError } from "../runtime/index.ts";
import { checkEventTypes, eventView, type ViewContext } from "../views/index.ts";
import type { HttpEnvironment } from "./environment.ts";
import { type ServerSentEvent, serverSentEvents } from "./server-sent-events.ts";
import type { StreamParts } from "./stream-quota.ts";

/**
 * Events as they happen: `GET /api/v1/events` with `Accept: text/event-stream`. Begins after `Last-Event-ID` or
 * `after`, without both with what happens from now on. `types` as in the operation `events`, `upload` narrows to one.
 */
export function eventStream(views: ViewContext, { closing, streams }: StreamParts): Hono<HttpEnvironment> {
  const app = new Hono<HttpEnvironment>();
  app.get("/api/v1/events", async (c, next) => {
    if (!(c.req.header("accept") ?? "").includes("text/event-stream")) return next();

    const stop = new AbortController();
    const types = c.req.query("types")?.split(",");
    streams.hold(c);
    const stored = views.events.subscribe({
      afterId: startId(c.req.header("last-event-id") ?? c.req.query("after")),
      types: checkEventTypes(types),
      uploadId: c.req.query("upload"),
      signal: AbortSignal.any([stop.signal, closing]),
    });
    return serverSentEvents(messages(stored), stop);
  });
  return app;
}

async function* messages(stored: ReturnType<ViewContext["events"]["subscribe"]>): AsyncGenerator<ServerSentEvent> {
  for await (const event of stored) yield { id: String(event.id), data: eventView(event) };
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
