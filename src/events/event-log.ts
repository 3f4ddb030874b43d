import { type Database, WakeUp } from "../database/index.ts";
import type { StoredEvent } from "./event.ts";
import { eventIdAt } from "./find-by-time.ts";
import { type EventFilter, type EventQuery, eventsAfter, listEvents, newestEventId } from "./list-events.ts";
import { EVENTS_TOPIC } from "./record-event.ts";

/** Other servers' commits do not wake us: on PostgreSQL subscribers look again this often. */
const POLL_INTERVAL_MS = 1_000;
const BATCH_SIZE = 200;

export interface EventSubscription extends EventFilter {
  /** Begin after this event; without it, with the first event recorded from now on. */
  readonly afterId?: number | undefined;
  /** Ends the iteration. */
  readonly signal: AbortSignal;
}

/** Reading the event log. */
export class EventLog {
  readonly #database: Database;
  readonly #pollIntervalMs: number | undefined;

  constructor(database: Database, options: { readonly pollIntervalMs?: number } = {}) {
    this.#database = database;
    this.#pollIntervalMs = options.pollIntervalMs ?? (database.kind === "postgres" ? POLL_INTERVAL_MS : undefined);
  }

  /** Newest first; see listEvents. */
  list(query: EventQuery = {}): Promise<StoredEvent[]> {
    return listEvents(this.#database.read, query);
  }

  /** The id of the newest event at that time or before; 0: none. */
  idAt(time: Date): Promise<number> {
    return eventIdAt(this.#database.read, time);
  }

  /** The next ones after an event, oldest first, at most `limit`. */
  after(id: number, filter: EventFilter, limit: number): Promise<StoredEvent[]> {
    return eventsAfter(this.#database.read, id, filter, limit);
  }

  newestId(): Promise<number> {
    return newestEventId(this.#database.read);
  }

  /**
   * Every event from `afterId` on, oldest first, as they are recorded, until the signal aborts. However slow the reader, none
   * is lost and nothing piles up in memory: it reads from the table at its own pace, and is woken by commits.
   */
  subscribe(subscription: EventSubscription): AsyncIterable<StoredEvent> {
    // Asked now, not at the first read: what happens in between belongs to the subscription.
    const start = subscription.afterId === undefined ? this.newestId() : Promise.resolve(subscription.afterId);
    // Reported by the iteration; a subscription that is never read must not end the process.
    start.catch(() => {});
    return this.#follow(start, subscription);
  }

  async *#follow(start: Promise<number>, subscription: EventSubscription): AsyncGenerator<StoredEvent, void> {
    const { signal, ...filter } = subscription;
    let lastId = await start;
    using wakeUp = new WakeUp({ pollIntervalMs: this.#pollIntervalMs, signal });
    using _listening = listening(this.#database.onWake(EVENTS_TOPIC, () => wakeUp.wake()));

    while (!signal.aborted) {
      wakeUp.reset();
      const events = await eventsAfter(this.#database.read, lastId, filter, BATCH_SIZE);
      for (const event of events) {
        if (signal.aborted) return;
        lastId = event.id;
        yield event;
      }
      if (events.length === 0) await wakeUp.wait();
    }
  }
}

function listening(stop: () => void): Disposable {
  return { [Symbol.dispose]: stop };
}
