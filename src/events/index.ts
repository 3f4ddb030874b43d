/**
 * events: the append-only log of facts that others may read. What a step reports to its own state machine is an
 * outcome, not an event.
 *
 * Invariants: an event is recorded in the transaction that makes it true, so it exists if and only if the fact does;
 * it is never changed, and forgotten only as
 * forget-events.ts says; ids grow in the order of commits, so a reader that remembers the last id misses nothing.
 * Web, command line, mail, hooks and the original's event protocol all read from here.
 */

export {
  DETAIL_EVENT_TYPES,
  EVENT_TYPES,
  type EventData,
  type EventType,
  type NewEvent,
  PUBLIC_EVENT_TYPES,
  type StoredEvent,
} from "./event.ts";
export { EventLog, type EventSubscription } from "./event-log.ts";
export { type EventReader, readEvents } from "./event-reader.ts";
export { forgetUploads, purgeDeliveryEvents, purgeEvents } from "./forget-events.ts";
export { type EventFilter, type EventQuery, listEvents } from "./list-events.ts";
export { EVENTS_TOPIC, recordEvent } from "./record-event.ts";
