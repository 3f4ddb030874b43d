import { EVENT_TYPES, type EventType, PUBLIC_EVENT_TYPES, type StoredEvent } from "../events/index.ts";
import type { EventView } from "../operations/index.ts";
import { AppError } from "../runtime/index.ts";
import type { ViewContext } from "./context.ts";

export interface EventsQuery {
  readonly before?: number | undefined;
  readonly after?: number | undefined;
  readonly types?: readonly string[] | undefined;
  readonly source?: string | undefined;
  readonly upload?: string | undefined;
  readonly limit: number;
}

/** Events for people unless types are named; newest first. Throws EVENT_TYPE_UNKNOWN (invalid). */
export async function listEventViews(ctx: ViewContext, query: EventsQuery): Promise<EventView[]> {
  const events = await ctx.events.list({
    beforeId: query.before,
    afterId: query.after,
    types: checkEventTypes(query.types),
    source: query.source,
    uploadId: query.upload,
    limit: query.limit,
  });
  return events.map(eventView);
}

/** undefined: those for people; `all`: every one. Throws EVENT_TYPE_UNKNOWN (invalid). */
export function checkEventTypes(types: readonly string[] | undefined): readonly EventType[] | undefined {
  if (types === undefined) return PUBLIC_EVENT_TYPES;
  if (types.includes("all")) return undefined;

  const unknown = types.find((type) => !(EVENT_TYPES as readonly string[]).includes(type));
  if (unknown === undefined) return types as readonly EventType[];
  throw new AppError({
    kind: "invalid",
    code: "EVENT_TYPE_UNKNOWN",
    message: `there are no events of type ${unknown.slice(0, 100)}`,
    hint: `Types are: ${EVENT_TYPES.join(", ")}; or all`,
  });
}

export function eventView(event: StoredEvent): EventView {
  return {
    id: event.id,
    type: event.type,
    timestamp: event.occurredAt.toISOString(),
    distribution: event.distribution ?? null,
    source: event.source ?? null,
    version: event.version ?? null,
    architecture: event.architecture ?? null,
    upload: event.uploadId ?? null,
    build: event.buildId ?? null,
    data: event.data,
  };
}
