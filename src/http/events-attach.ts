import { type Context, Hono } from "hono";
import type { InstanceFacts } from "../handlers/index.ts";
import { AppError } from "../runtime/index.ts";
import { checkEventTypes, type OriginalPlace, originalEvent, type ViewContext } from "../views/index.ts";
import type { HttpEnvironment } from "./environment.ts";
import type { StreamParts } from "./stream-quota.ts";

type Iteration = AsyncIterator<Awaited<ReturnType<ViewContext["events"]["list"]>>[number]>;

/**
 * The original's stream, `GET /static/events.attach[?after=<ISO 8601>]`: one event per request, which waits for it. Where
 * a client is hangs on its TCP connection, as its clients expect: the first request on it says from when on, each further
 * one gets the next. `types`, `distribution`, `source`, `version` narrow it.
 */
export function eventsAttach(
  parts: { readonly views: ViewContext; readonly instance: InstanceFacts },
  { closing, streams }: StreamParts,
): Hono<HttpEnvironment> {
  const { views, instance } = parts;
  const place: OriginalPlace = { url: instance.url, incomingUrl: `ftp://${instance.hostname}:${instance.ftpPort}` };
  const attached = new WeakMap<object, Promise<Iteration>>();
  const app = new Hono<HttpEnvironment>();
  app.get("/static/events.attach", async (c) => {
    streams.hold(c);
    const connection = c.env.connection;
    let iteration = connection === undefined ? undefined : attached.get(connection);
    if (iteration === undefined) {
      iteration = attach(views, c, closing);
      if (connection !== undefined) attached.set(connection, iteration);
    }

    const next = await (await iteration).next();
    if (next.done === true) throw endOfStream();
    return c.json(await originalEvent(views, place, next.value), 200, { "cache-control": "no-store" });
  });
  return app;
}

async function attach(views: ViewContext, c: Context<HttpEnvironment>, closing: AbortSignal): Promise<Iteration> {
  const gone = new AbortController();
  c.env.connection?.once("close", () => gone.abort());
  const after = c.req.query("after");
  const afterId = after === undefined ? await views.events.newestId() : await views.events.idAt(parseTime(after));
  const { distribution, source, version } = c.req.query();
  const events = views.events.subscribe({
    afterId,
    types: checkEventTypes(c.req.query("types")?.split(",")),
    distribution,
    source,
    version,
    signal: AbortSignal.any([gone.signal, closing]),
  });
  return events[Symbol.asyncIterator]();
}

/** `2026-11-22T13:05:14.295418+00:00`; a plus that was not encoded has become a blank. */
function parseTime(text: string): Date {
  const time = new Date(text.replace(/ (?=[0-9:]+$)/, "+"));
  if (/^[0-9]{4}-/.test(text) && !Number.isNaN(time.getTime())) return time;

  throw new AppError({
    kind: "invalid",
    code: "EVENT_TIME_INVALID",
    message: `${JSON.stringify(text.slice(0, 100))} is no time`,
    hint: "Give after as ISO 8601 with a zone: 2026-11-22T13:05:14+00:00",
  });
}

function endOfStream(): AppError {
  return new AppError({
    kind: "unavailable",
    code: "EVENTS_ENDED",
    message: "this instance is stopping",
    hint: "Attach again in a moment, with the time of the last event as after",
  });
}
