import type { FC } from "hono/jsx";
import type { EventView } from "../operations/index.ts";
import { links } from "./links.ts";
import { Ago, Badge } from "./parts.tsx";
import { eventLabel } from "./words.ts";

interface EventListProps {
  readonly events: readonly EventView[];
  readonly now: Date;
  readonly id: string;
  /** The page is about one upload: its name is not said again. */
  readonly isOfOneUpload?: boolean;
}

export const EventList: FC<EventListProps> = ({ events, now, id, isOfOneUpload }) => (
  <ul class="events" id={id} data-list>
    {events.map((event) => (
      <li id={`event-${event.id}`}>
        <span>
          <Badge label={eventLabel(event)} />
        </span>
        <span class="what">
          {isOfOneUpload === true ? <EventPlace event={event} /> : <EventSubject event={event} />}
          <EventDetail event={event} />
        </span>
        <Ago at={event.timestamp} now={now} />
      </li>
    ))}
  </ul>
);

const EventSubject: FC<{ event: EventView }> = ({ event }) => {
  const { source, version, upload, distribution, architecture } = event;
  const name = source === null ? "A delivery" : `${source} ${version ?? ""}`.trim();
  return (
    <>
      {upload === null ? (
        <span class="name">{name}</span>
      ) : (
        <a class="name" href={links.upload(upload)}>
          {name}
        </a>
      )}
      {distribution !== null && <span class="muted"> for {distribution}</span>}
      {architecture !== null && architecture !== "source" && <span class="muted"> on {architecture}</span>}
    </>
  );
};

const EventPlace: FC<{ event: EventView }> = ({ event }) => {
  const { architecture, distribution } = event;
  return <>{architecture === null || architecture === "source" ? `for ${distribution}` : `on ${architecture}`}</>;
};

/** Why, for what went wrong. */
const EventDetail: FC<{ event: EventView }> = ({ event }) => {
  const { data } = event;
  const reason = [data["error"], data["reason"]].find((value): value is string => typeof value === "string" && value !== "");
  if (reason === undefined) return null;

  // What has no page of its own says here what to do.
  const hint = event.upload === null ? firstHint(data["problems"]) : undefined;
  return <span class="detail">{hint === undefined ? reason : `${reason}. ${hint}`}</span>;
};

function firstHint(problems: unknown): string | undefined {
  const [first] = Array.isArray(problems) ? (problems as readonly { hint?: unknown }[]) : [];
  return typeof first?.hint === "string" ? first.hint : undefined;
}
