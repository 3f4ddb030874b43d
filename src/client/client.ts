import { basename } from "node:path";
import {
  type ArgumentsOf,
  type EventView,
  type Operation,
  type Parameters,
  PROBLEM_TYPE,
  parseArguments,
  restPath,
} from "../operations/index.ts";
import { ApiClient } from "./api-client.ts";
import { type Endpoint, parseEndpoint } from "./endpoint.ts";
import { eventFeed } from "./event-feed.ts";

/** Those that are required must be there: ARGUMENT_MISSING says which is not. */
export type CallArguments<P extends Parameters> = Partial<ArgumentsOf<P>>;

export interface ClientOptions {
  /** An API token; without it, only what is open to everybody. */
  readonly token?: string | undefined;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface EventOptions extends CallOptions {
  /** Only what comes after this event; without it, what happens from now on. */
  readonly afterId?: number | undefined;
  /** Without it those for people; ["all"]: every one. */
  readonly types?: readonly string[] | undefined;
}

/** `endpoint`: host, host:port or URL. Connects when something is asked. Throws ENDPOINT_INVALID. */
export function connect(endpoint: string, options: ClientOptions = {}): Client {
  return new Client(new ApiClient(parseEndpoint(endpoint), options.token));
}

/** One instance; holds no connection between two calls. */
export class Client {
  readonly api: ApiClient;

  constructor(api: ApiClient) {
    this.api = api;
  }

  get endpoint(): Endpoint {
    return this.api.endpoint;
  }

  /** Do an operation. Arguments are checked here too, so that a mistake is told without a server. */
  async call<P extends Parameters, R>(
    operation: Operation<P, R>,
    args: CallArguments<P> = {},
    options: CallOptions = {},
  ): Promise<R> {
    return (await this.callRaw(operation, args, options)) as R;
  }

  /** The same with arguments as people type them: text, lists joined by commas. */
  async callRaw(operation: Operation, raw: Readonly<Record<string, unknown>>, { signal }: CallOptions = {}): Promise<unknown> {
    parseArguments(operation, raw, { unknown: "refuse" });
    const given = Object.entries(raw).filter(([, value]) => value !== undefined);
    const path = `/api/v1/${restPath(operation)}`;
    return operation.changesState
      ? this.api.json({ method: "POST", path, json: Object.fromEntries(given), signal, isStream: operation.mayTakeLong })
      : this.api.json({ method: "GET", path: `${path}?${queryOf(given)}`, signal, isStream: operation.mayTakeLong });
  }

  /** Events as they happen, none lost and none twice, also over broken connections. Ends with the signal. */
  events({ signal = new AbortController().signal, ...options }: EventOptions = {}): AsyncGenerator<EventView> {
    return eventFeed(this.api, { ...options, signal });
  }

  /** Put one file of an upload; the .changes last: its arrival means that the upload is complete. */
  async putFile(filePath: string, options: CallOptions & { readonly onSent?: (sizeBytes: number) => void } = {}): Promise<void> {
    const path = `/upload/${encodeURIComponent(basename(filePath))}`;
    await this.api.text({ method: "PUT", path, headers: { accept: `${PROBLEM_TYPE}, text/plain` }, filePath, ...options });
  }
}

function queryOf(given: readonly (readonly [string, unknown])[]): string {
  const texts = given.map(([key, value]): [string, string] => [key, value === true ? "True" : String(value)]);
  return new URLSearchParams(texts).toString();
}
