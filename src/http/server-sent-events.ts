/** One message of a `text/event-stream`. */
export interface ServerSentEvent {
  /** Comes back as Last-Event-ID. */
  readonly id: string;
  /** Without it, a plain `message`. */
  readonly event?: string | undefined;
  readonly data: unknown;
}

/** Proxies and browsers give up on silent connections. */
export const KEEP_ALIVE_MS = 15_000;

export const STREAM_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  // nginx would keep the messages back.
  "x-accel-buffering": "no",
};

/** So that clients see at once that they are connected, and come back soon after a restart. */
export const STREAM_START = "retry: 2000\n\n";

/**
 * Send messages as they come. Pulled: the next one is asked for when the client took the last. When the client goes,
 * `stop` is aborted, which must end the iteration.
 */
export function serverSentEvents(messages: AsyncIterable<ServerSentEvent>, stop: AbortController): Response {
  const encoder = new TextEncoder();
  const iterator = messages[Symbol.asyncIterator]();
  let waiting: Promise<IteratorResult<ServerSentEvent>> | undefined;

  const body = new ReadableStream<Uint8Array>({
    start: (stream) => stream.enqueue(encoder.encode(STREAM_START)),
    async pull(stream) {
      waiting ??= iterator.next();
      const next = await orKeepAlive(waiting);
      if (next === "keep-alive") return stream.enqueue(encoder.encode(":\n\n"));

      waiting = undefined;
      if (next.done === true) stream.close();
      else stream.enqueue(encoder.encode(formatMessage(next.value)));
    },
    async cancel() {
      stop.abort();
      await iterator.return?.();
    },
  });
  return new Response(body, { headers: STREAM_HEADERS });
}

async function orKeepAlive<T>(waiting: Promise<T>): Promise<T | "keep-alive"> {
  let timer: NodeJS.Timeout | undefined;
  const keepAlive = new Promise<"keep-alive">((resolve) => {
    timer = setTimeout(() => resolve("keep-alive"), KEEP_ALIVE_MS);
  });
  try {
    return await Promise.race([waiting, keepAlive]);
  } finally {
    clearTimeout(timer);
  }
}

/** JSON has no line ends, so one data line is enough. */
function formatMessage(message: ServerSentEvent): string {
  const event = message.event === undefined ? "" : `event: ${message.event}\n`;
  return `id: ${message.id}\n${event}data: ${JSON.stringify(message.data)}\n\n`;
}
