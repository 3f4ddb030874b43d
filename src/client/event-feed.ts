import { setTimeout as delay } from "node:timers/promises";
import type { EventView } from "../operations/index.ts";
import { AppError, monotonicMs } from "../runtime/index.ts";
import type { ApiClient } from "./api-client.ts";

const RECONNECT_MS = 1_000;

export interface EventFeedOptions {
  /** Only what comes after this event; without it, what happens from now on. */
  readonly afterId?: number | undefined;
  /** As the operation `events` takes them. */
  readonly types?: readonly string[] | undefined;
  readonly signal: AbortSignal;
  /** How long the server may be away, once it was there, before it is an error. Default: for ever. */
  readonly absenceMsMax?: number | undefined;
}

/** Events as they happen, none lost and none twice, also when the connection breaks or the server is started again. */
export async function* eventFeed(client: ApiClient, options: EventFeedOptions): AsyncGenerator<EventView> {
  let lastId = options.afterId;
  let seenAtMs = Number.NEGATIVE_INFINITY;
  while (!options.signal.aborted) {
    try {
      for await (const event of readConnection(client, options, lastId)) {
        lastId = event.id;
        yield event;
      }
      seenAtMs = monotonicMs();
    } catch (error) {
      if (options.signal.aborted) return;
      const isAway = error instanceof AppError && error.kind === "unavailable";
      if (!isAway || monotonicMs() - seenAtMs > (options.absenceMsMax ?? Number.MAX_VALUE)) throw error;
    }
    await delay(RECONNECT_MS, undefined, { signal: options.signal }).catch(() => undefined);
  }
}

async function* readConnection(
  client: ApiClient,
  options: EventFeedOptions,
  afterId: number | undefined,
): AsyncGenerator<EventView> {
  const query = new URLSearchParams();
  if (afterId !== undefined) query.set("after", String(afterId));
  if (options.types !== undefined) query.set("types", options.types.join(","));
  const answer = await client.open({
    method: "GET",
    path: `/api/v1/events?${query.toString()}`,
    headers: { accept: "text/event-stream" },
    signal: options.signal,
    isStream: true,
  });
  try {
    yield* parseMessages<EventView>(answer);
  } catch (error) {
    // The connection broke: whoever called comes back with the last id.
    if (error instanceof SyntaxError) throw error;
  } finally {
    answer.destroy();
  }
}

/** The data of Server-Sent Events; comments and other fields are left out. */
export async function* parseMessages<Data>(chunks: AsyncIterable<unknown>): AsyncGenerator<Data> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk as Uint8Array, { stream: true });
    const messages = rest.split(/\r?\n\r?\n/);
    rest = messages.pop() ?? "";
    for (const message of messages) {
      const data = message
        .split(/\r?\n/)
        .filter((line) => line.startsWith("data:"))
        .map((line) => line.slice(5).trimStart());
      if (data.length > 0) yield JSON.parse(data.join("\n")) as Data;
    }
  }
}
