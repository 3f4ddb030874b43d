import type { ServerResponse } from "node:http";
import { eventView, type ViewContext } from "../views/index.ts";
import { KEEP_ALIVE_MS, STREAM_HEADERS, STREAM_START } from "./server-sent-events.ts";

type Events = ViewContext["events"];
type Subscription = Parameters<Events["subscribe"]>[0];
type StoredEvent = Awaited<ReturnType<Events["list"]>>[number];
type Filter = Pick<Subscription, "types" | "uploadId">;

export interface Listening extends Filter {
  /** Only what comes after this event; undefined: what happens from now on. */
  readonly afterId: number | undefined;
}

/**
 * Sends events to any number of listeners: one reading of the event log for all that want the same, and an event is put into
 * words once. A listener costs little more than its connection.
 *
 * Nothing is lost: who begins in the past, or takes more slowly than events come, reads the log alone, at its own pace,
 * and joins the others when nothing lies between.
 */
export class EventHub {
  readonly #events: Events;
  readonly #closing: AbortSignal;
  readonly #channels = new Map<string, Channel>();
  readonly #listeners = new Set<Listener>();
  #keepAlive: NodeJS.Timeout | undefined;

  constructor(events: Events, closing: AbortSignal) {
    this.#events = events;
    this.#closing = closing;
    closing.addEventListener("abort", () => {
      for (const listener of this.#listeners) listener.end();
    });
  }

  /** Answers, and goes on until the client goes or the server stops. */
  add(response: ServerResponse, { afterId, ...filter }: Listening): void {
    const channel = this.#channelFor(filter);
    const listener = new Listener(response, { events: this.#events, filter, channel, afterId });
    this.#listeners.add(listener);
    this.#keepAlive ??= setInterval(() => {
      for (const each of this.#listeners) each.keepAlive();
    }, KEEP_ALIVE_MS).unref();
    response.once("close", () => this.#remove(listener, channel));
    if (this.#closing.aborted) listener.end();
    else listener.start();
  }

  #remove(listener: Listener, channel: Channel): void {
    listener.stop();
    this.#listeners.delete(listener);
    channel.members.delete(listener);
    if (channel.members.size === 0) {
      channel.close();
      if (this.#channels.get(channel.key) === channel) this.#channels.delete(channel.key);
    }
    if (this.#listeners.size > 0) return;
    clearInterval(this.#keepAlive);
    this.#keepAlive = undefined;
  }

  #channelFor(filter: Filter): Channel {
    const key = JSON.stringify([filter.types ?? null, filter.uploadId ?? null]);
    const known = this.#channels.get(key);
    if (known !== undefined) return known;
    const channel = new Channel(key, { events: this.#events, filter, closing: this.#closing });
    this.#channels.set(key, channel);
    return channel;
  }
}

interface ChannelParts {
  readonly events: Events;
  readonly filter: Filter;
  readonly closing: AbortSignal;
}

/** One reading of the log, from the moment of its first listener. */
class Channel {
  readonly key: string;
  readonly members = new Set<Listener>();
  /** Everything up to here was told to those who are with the others. */
  readonly begin: Promise<number>;
  lastId = 0;
  readonly #end = new AbortController();

  constructor(key: string, { events, filter, closing }: ChannelParts) {
    this.key = key;
    this.begin = events.newestId();
    this.#tell(events, filter, AbortSignal.any([this.#end.signal, closing])).catch((error: unknown) => {
      for (const member of this.members) member.fail(error);
    });
  }

  close(): void {
    this.#end.abort();
  }

  async #tell(events: Events, filter: Filter, signal: AbortSignal): Promise<void> {
    const afterId = await this.begin;
    this.lastId = Math.max(this.lastId, afterId);
    for await (const event of events.subscribe({ ...filter, afterId, signal })) {
      const message = formatMessage(event);
      for (const member of this.members) member.take(event.id, message);
      this.lastId = event.id;
    }
  }
}

const CATCH_UP_COUNT = 200;

interface ListenerParts {
  readonly events: Events;
  readonly filter: Filter;
  readonly channel: Channel;
  readonly afterId: number | undefined;
}

class Listener {
  readonly #response: ServerResponse;
  readonly #parts: ListenerParts;
  #lastId = 0;
  /** Takes what the channel tells; else it reads the log itself. */
  #isWithOthers = false;
  #isStopped = false;

  constructor(response: ServerResponse, parts: ListenerParts) {
    this.#response = response;
    this.#parts = parts;
  }

  start(): void {
    this.#parts.channel.members.add(this);
    this.#begin().catch((error: unknown) => this.fail(error));
  }

  take(id: number, message: Buffer): void {
    if (!this.#isWithOthers || id <= this.#lastId) return;
    this.#lastId = id;
    if (this.#response.write(message)) return;
    this.#isWithOthers = false;
    this.#response.once("drain", () => void this.#catchUp().catch((error: unknown) => this.fail(error)));
  }

  keepAlive(): void {
    if (this.#isWithOthers && !this.#response.writableNeedDrain) this.#response.write(":\n\n");
  }

  end(): void {
    this.#response.end();
  }

  stop(): void {
    this.#isStopped = true;
    this.#isWithOthers = false;
  }

  /** It comes back with the last id it has. */
  fail(error: unknown): void {
    this.#response.destroy(error instanceof Error ? error : undefined);
  }

  async #begin(): Promise<void> {
    const { channel, afterId, events } = this.#parts;
    // Before the client sees that it is connected: what it causes then is for it.
    this.#lastId = afterId ?? (await events.newestId());
    if (this.#isStopped) return;
    this.#response.writeHead(200, STREAM_HEADERS);
    this.#response.write(STREAM_START);
    await channel.begin;
    await this.#catchUp();
  }

  async #catchUp(): Promise<void> {
    const { events, filter, channel } = this.#parts;
    while (!this.#isStopped) {
      const toldBefore = channel.lastId;
      const missed = await events.after(this.#lastId, filter, CATCH_UP_COUNT);
      for (const event of missed) await this.#write(event);
      if (missed.length > 0 || channel.lastId !== toldBefore) continue;

      // What was told was committed before, so the look has seen it; nothing was told since.
      this.#lastId = Math.max(this.#lastId, toldBefore);
      this.#isWithOthers = !this.#isStopped;
      return;
    }
  }

  async #write(event: StoredEvent): Promise<void> {
    this.#lastId = event.id;
    if (this.#isStopped || this.#response.write(formatMessage(event))) return;
    await new Promise<void>((resolve) => {
      const goOn = (): void => {
        this.#response.off("drain", goOn).off("close", goOn);
        resolve();
      };
      this.#response.on("drain", goOn).on("close", goOn);
    });
  }
}

/** JSON has no line ends, so one data line is enough. */
function formatMessage(event: StoredEvent): Buffer {
  return Buffer.from(`id: ${event.id}\ndata: ${JSON.stringify(eventView(event))}\n\n`);
}
