import type { FileHandle } from "node:fs/promises";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { PROBLEM_TYPE, type Problem, problemDetails, problemText, takesProblemDetails } from "../../operations/index.ts";
import type { ChosenResponse } from "./response-choice.ts";

const CHUNK_BYTES = 256 * 1024;
/** A client that takes nothing for this long is gone; its file stays open until then. */
const STALLED_AFTER_MS = 120_000;

/** A short answer of ours. Returns true, for handlers to pass on. */
export function sendText(
  request: IncomingMessage,
  response: ServerResponse,
  answer: { status: number; text: string; headers?: OutgoingHttpHeaders },
): true {
  const body = Buffer.from(`${answer.text}\n`);
  response.writeHead(answer.status, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": body.length,
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
    ...answer.headers,
  });
  response.end(request.method === "HEAD" ? undefined : body);
  return true;
}

/** Why there is no file. Returns true. */
export function sendProblem(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, ...problem }: Problem & { status: number; headers?: OutgoingHttpHeaders },
): true {
  const isJson = takesProblemDetails(request.headers.accept);
  return sendText(request, response, {
    status,
    text: isJson ? JSON.stringify(problemDetails(status, problem)) : problemText(problem),
    headers: { vary: "Accept", ...(isJson && { "content-type": PROBLEM_TYPE }), ...headers },
  });
}

/** Stream the chosen bytes of an open file; resolves when they are sent or the client has gone. */
export async function sendHandle(response: ServerResponse, handle: FileHandle, choice: ChosenResponse): Promise<void> {
  response.writeHead(choice.status, choice.headers);
  if (choice.range === undefined) {
    response.end();
    return;
  }

  response.setTimeout(STALLED_AFTER_MS, () => response.destroy());
  const { first, last } = choice.range;
  const bytes = handle.createReadStream({ start: first, end: last, highWaterMark: CHUNK_BYTES, autoClose: false });
  try {
    await pipeline(bytes, response);
  } catch (error) {
    if (!isClientGone(error)) throw error;
  }
}

/** Clients leave in the middle of a file every day. */
function isClientGone(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return (
    code === "ERR_STREAM_PREMATURE_CLOSE" || code === "ECONNRESET" || code === "EPIPE" || code === "ERR_STREAM_UNABLE_TO_PIPE"
  );
}
