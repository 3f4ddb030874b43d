import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import { PROBLEM_TYPE, type Problem, problemDetails, problemText, takesProblemDetails } from "../../operations/index.ts";

export interface UploadAnswer {
  readonly status: number;
  /**
   * What is said of a problem is in the status line too, since dput shows only that. dput-ng and curl show the body: it
   * is text, unless the client wants problem details.
   */
  readonly body: string | Problem;
  readonly allow?: string;
}

/** What is still read of a body after a refusal, and for how long. */
const LINGER_BYTES_MAX = 64 * 1024 ** 2;
const LINGER_MS_MAX = 30_000;

/**
 * Answer, and read the rest of the body away: clients write all of it before they look at the answer, and would see a
 * reset connection instead of the reason if we closed at once.
 */
export function respond(request: IncomingMessage, response: ServerResponse, answer: UploadAnswer): void {
  if (response.destroyed || response.headersSent) return;

  const isBodyUnread = !request.complete && !isWaitingForContinue(request, response);
  const { type, text } = bodyFor(request, answer);
  response.writeHead(answer.status, reasonFor(answer), {
    "content-type": type,
    vary: "Accept",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    ...(answer.allow === undefined ? {} : { allow: answer.allow }),
    ...(request.complete ? {} : { connection: "close" }),
  });
  response.end(`${text}\n`);
  if (isBodyUnread) linger(request);
}

const REASON_LENGTH_MAX = 300;

/** "the disk is full: Send the upload again later". A name that was sent may be in it: one line of ASCII, whatever that is. */
function reasonFor({ status, body }: UploadAnswer): string {
  if (typeof body === "string") return STATUS_CODES[status] ?? "OK";
  const text = [body.message, body.hint].filter((part) => part !== undefined).join(": ");
  return text.replaceAll(/[^ -~]+/gu, "?").slice(0, REASON_LENGTH_MAX);
}

function bodyFor({ headers }: IncomingMessage, { status, body }: UploadAnswer): { readonly type: string; readonly text: string } {
  const plain = "text/plain; charset=utf-8";
  if (typeof body === "string") return { type: plain, text: body };
  return takesProblemDetails(headers.accept)
    ? { type: PROBLEM_TYPE, text: JSON.stringify(problemDetails(status, body)) }
    : { type: plain, text: problemText(body) };
}

/** The client asked before sending, and neither we nor Node itself told it to go on: there is no body to read. */
export function isWaitingForContinue(request: IncomingMessage, response: ServerResponse): boolean {
  const hasContinued = "_sent100" in response && response._sent100 === true;
  return request.headers.expect?.toLowerCase() === "100-continue" && !hasContinued;
}

function linger(request: IncomingMessage): void {
  let bytes = 0;
  const timer = setTimeout(() => request.socket.destroy(), LINGER_MS_MAX);
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > LINGER_BYTES_MAX) request.socket.destroy();
  });
  request.on("close", () => clearTimeout(timer));
  request.on("error", () => {});
  request.resume();
}
