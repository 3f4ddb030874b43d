import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { pipeline } from "node:stream/promises";
import { AppError } from "../runtime/index.ts";
import type { Endpoint } from "./endpoint.ts";
import { errorOfAnswer } from "./problem-error.ts";
import { findUntrusted } from "./untrusted.ts";

const ANSWER_TIMEOUT_MS = 120_000;

export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT";
  /** Encoded, from the root: "/api/v1/status?x=1". */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly json?: unknown;
  /** Sent as a form. */
  readonly form?: Readonly<Record<string, string>> | undefined;
  readonly filePath?: string | undefined;
  /** Bytes of the file that went out, each time some did. */
  readonly onSent?: ((sizeBytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** A stream, or an answer that takes its time: it may be silent for long. */
  readonly isStream?: boolean | undefined;
}

/** Speaks HTTP with one instance. Errors of the server become AppErrors of the same kind, code and hint. */
export class ApiClient {
  readonly endpoint: Endpoint;
  readonly #token: string | undefined;

  constructor(endpoint: Endpoint, token?: string) {
    this.endpoint = endpoint;
    this.#token = token;
  }

  /** The same instance for somebody else. */
  withToken(token: string): ApiClient {
    return new ApiClient(this.endpoint, token);
  }

  get hasToken(): boolean {
    return this.#token !== undefined;
  }

  async json(request: ApiRequest): Promise<unknown> {
    const text = await this.text({ ...request, headers: { accept: "application/json", ...request.headers } });
    return text === "" ? undefined : (JSON.parse(text) as unknown);
  }

  async text(request: ApiRequest): Promise<string> {
    return readText(await this.open(request));
  }

  /** The answer, once it is known to be a good one; its body is not read yet. Throws SERVER_UNREACHABLE, CERTIFICATE_UNTRUSTED and the server's own. */
  async open(request: ApiRequest): Promise<IncomingMessage> {
    const answer = await this.send(request);
    const status = answer.statusCode ?? 0;
    if (status >= 200 && status < 300) return answer;

    const body = await readText(answer);
    throw errorOfAnswer(status, answer.headers["content-type"] ?? "", body, `${request.method} ${request.path}`);
  }

  /** The answer, whatever its status. Throws SERVER_UNREACHABLE. */
  async send(request: ApiRequest): Promise<IncomingMessage> {
    const outgoing = this.#start(request, await bodyHeaders(request));
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once("response", resolve);
      outgoing.once("error", (error) => reject(unreachable(this.endpoint, error)));
    });
    // The answer may come, and be a refusal, before the body is sent.
    const [received] = await Promise.all([answer, sendBody(outgoing, request).catch(() => undefined)]);
    return received;
  }

  #start(request: ApiRequest, bodyHeader: Record<string, string>): ClientRequest {
    const { endpoint } = this;
    const send = endpoint.url.protocol === "https:" ? httpsRequest : httpRequest;
    const outgoing = send(new URL(request.path, endpoint.url), {
      method: request.method,
      headers: {
        ...bodyHeader,
        ...request.headers,
        ...(this.#token !== undefined && { authorization: `Bearer ${this.#token}` }),
      },
      ...(endpoint.kind === "socket" && { socketPath: endpoint.path }),
      ...(request.signal !== undefined && { signal: request.signal }),
    });
    if (request.isStream !== true) {
      outgoing.setTimeout(ANSWER_TIMEOUT_MS, () => outgoing.destroy(new Error(`no answer for ${ANSWER_TIMEOUT_MS / 1000} s`)));
    }
    return outgoing;
  }
}

async function bodyHeaders(request: ApiRequest): Promise<Record<string, string>> {
  if (request.filePath !== undefined) return { "content-length": String((await stat(request.filePath)).size) };
  if (request.form !== undefined) return { "content-type": "application/x-www-form-urlencoded" };
  return request.json === undefined ? {} : { "content-type": "application/json" };
}

async function sendBody(outgoing: ClientRequest, request: ApiRequest): Promise<void> {
  if (request.filePath !== undefined) {
    const file = createReadStream(request.filePath);
    const { onSent } = request;
    if (onSent !== undefined) file.on("data", (chunk) => onSent(chunk.length));
    await pipeline(file, outgoing);
    return;
  }
  if (request.form !== undefined) outgoing.end(new URLSearchParams(request.form).toString());
  else outgoing.end(request.json === undefined ? undefined : JSON.stringify(request.json));
}

export async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function unreachable(endpoint: Endpoint, cause: Error): AppError {
  const where = endpoint.kind === "socket" ? endpoint.path : endpoint.url.href;
  const untrusted = findUntrusted(where, cause);
  if (untrusted !== undefined) return untrusted;

  const code = (cause as NodeJS.ErrnoException).code;
  const isForbidden = endpoint.kind === "socket" && code === "EACCES";
  return new AppError({
    kind: isForbidden ? "forbidden" : "unavailable",
    code: isForbidden ? "CONTROL_SOCKET_FORBIDDEN" : "SERVER_UNREACHABLE",
    message: isForbidden ? `${where} is for the user that mini-buildd runs as` : `no mini-buildd answers at ${where}`,
    hint: isForbidden
      ? "Run this command as that user: setpriv --reuid=mini-buildd --regid=mini-buildd --init-groups … (as root)"
      : "Start it with `mini-buildd serve`, or say where it is: --endpoint http://HOST:8066, or --home its home",
    cause,
  });
}
