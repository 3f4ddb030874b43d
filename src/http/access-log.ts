import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type Clock, normaliseAddress } from "../runtime/index.ts";

/** One request that was answered, or broken off. */
export interface AccessEntry {
  /** Normalised; empty: the control socket. */
  readonly address: string;
  readonly user: string | undefined;
  readonly at: Date;
  readonly method: string;
  /** Undefined, as the version: it could not be read. */
  readonly url: string | undefined;
  readonly httpVersion: string | undefined;
  /** 0: nothing was answered. */
  readonly status: number;
  readonly bodyBytes: number;
  readonly referer: string | undefined;
  readonly userAgent: string | undefined;
}

/**
 * Logs each request when its connection is done with it, in the combined format that tools for logs of web servers read.
 * What is logged waits for nothing, and nothing waits for it.
 */
export class AccessLog {
  readonly #write: (line: string) => void;
  readonly #clock: Clock;
  readonly #users = new WeakMap<ServerResponse, string>();
  /** Of a connection: what had gone out when its last request ended. */
  readonly #bytesBefore = new WeakMap<Socket, number>();

  constructor(write: (line: string) => void, clock: Clock) {
    this.#write = write;
    this.#clock = clock;
  }

  watch(request: IncomingMessage, response: ServerResponse): void {
    const { socket, method = "", url = "", httpVersion, headers } = request;
    // A connection that broke off has no address any more.
    const address = normaliseAddress(socket.remoteAddress);
    const at = this.#clock.now();
    let bytes: number | undefined;
    // Before Node itself, which lets the next answer of a pipelining client (APT is one) go out then.
    response.prependOnceListener("finish", () => {
      bytes = this.#bytesSince(socket);
    });
    response.once("close", () => {
      const bodyBytes = Math.max(0, (bytes ?? this.#bytesSince(socket)) - headBytes(response));
      const status = response.headersSent ? response.statusCode : 0;
      const entry = { address, user: this.#users.get(response), at, method, url, httpVersion, status, bodyBytes };
      this.#write(formatAccess({ ...entry, referer: headers.referer, userAgent: headers["user-agent"] }));
    });
  }

  /** What could not be read as a request; without its first line when that is none. */
  logUnreadable(socket: Socket, { status, line }: { readonly status: number; readonly line: string | undefined }): void {
    const address = normaliseAddress(socket.remoteAddress);
    const [method = "-", url, version] = line?.split(" ") ?? [];
    const about = { user: undefined, referer: undefined, userAgent: undefined, bodyBytes: 0, status };
    const httpVersion = version?.replace(/^HTTP\//, "");
    this.#write(formatAccess({ ...about, address, at: this.#clock.now(), method, url, httpVersion }));
  }

  /** Who it was, once that is known. */
  setUser(response: ServerResponse, name: string): void {
    this.#users.set(response, name);
  }

  /** Answers go out one after the other, so these are of the one that ended just now. */
  #bytesSince(socket: Socket): number {
    const bytes = socket.bytesWritten;
    const before = this.#bytesBefore.get(socket) ?? 0;
    this.#bytesBefore.set(socket, bytes);
    return bytes - before;
  }
}

/** Node tells it nowhere else. */
function headBytes(response: ServerResponse): number {
  return "_header" in response && typeof response._header === "string" ? Buffer.byteLength(response._header) : 0;
}

/** `address - user [time] "request" status bytes "referer" "agent"`. */
export function formatAccess(entry: AccessEntry): string {
  const { address, user, at, method, url, httpVersion, status, bodyBytes, referer, userAgent } = entry;
  const version = httpVersion === undefined ? undefined : `HTTP/${httpVersion}`;
  const parts = [method, url === undefined ? undefined : withoutSecret(url), version];
  const request = parts.flatMap((part) => (part === undefined ? [] : [escaped(part)])).join(" ");
  const who = user === undefined ? "-" : escaped(user).replaceAll(" ", "\\x20");
  return `${address === "" ? "local" : address} - ${who} [${timeText(at)}] "${request}" ${String(status).padStart(3, "0")} ${bodyBytes} "${headerText(referer)}" "${headerText(userAgent)}"`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;

/** 22/Nov/2026:13:05:13 +0000 */
function timeText(at: Date): string {
  const [date = "", time = ""] = at.toISOString().split("T");
  const [year, , day] = date.split("-");
  return `${day}/${MONTHS[at.getUTCMonth()]}/${year}:${time.slice(0, 8)} +0000`;
}

/** Whoever has a link to set a password sets it; readers of the log must not. */
function withoutSecret(url: string): string {
  return url.replace(/^(\/accounts\/activate\/).+?(\/?(?:\?.*)?)$/, "$1***$2");
}

function headerText(value: string | undefined): string {
  return value === undefined || value === "" ? "-" : escaped(value);
}

/** As web servers do: no quotes, no control characters, nothing that is not ASCII gets into a line. Headers are of Latin-1. */
function escaped(text: string): string {
  return text.replaceAll(/["\\]|[^ -~]/gu, (character) =>
    [...Buffer.from(character, character <= "\u00ff" ? "latin1" : "utf8")]
      .map((byte) => `\\x${byte.toString(16).padStart(2, "0").toUpperCase()}`)
      .join(""),
  );
}
