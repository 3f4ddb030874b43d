import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { AppError } from "../runtime/index.ts";
import { findUntrusted } from "./untrusted.ts";

export interface FtpReplyText {
  readonly code: number;
  readonly text: string;
}

const REPLY_TIMEOUT_MS = 120_000;
const REPLY_SIZE_BYTES_MAX = 64 * 1024;

/** The connection for commands of FTP (RFC 959): one command, one reply. */
export class FtpControl {
  readonly #where: string;
  #socket: Socket;
  #text = "";
  #waiting: { resolve: (reply: FtpReplyText) => void; reject: (error: Error) => void } | undefined;
  #ended: Error | undefined;

  private constructor(socket: Socket, where: string) {
    this.#socket = socket;
    this.#where = where;
    this.#listen();
  }

  /** Connects and reads the greeting. Throws SERVER_UNREACHABLE, UPLOAD_REFUSED. */
  static async open(url: URL, options: { readonly isImplicitlyEncrypted: boolean }): Promise<FtpControl> {
    const { isImplicitlyEncrypted } = options;
    const host = hostOf(url);
    const port = Number(url.port === "" ? (isImplicitlyEncrypted ? 990 : 21) : url.port);
    const socket = isImplicitlyEncrypted
      ? await encrypted(undefined, { host, port, where: url.host })
      : await opened(connectTcp({ host, port }), "connect", url.host);
    const control = new FtpControl(socket, url.host);
    control.#require(await control.#reply(), [220]);
    return control;
  }

  get socket(): Socket {
    return this.#socket;
  }

  /** Send a command; its reply must have one of these codes. Throws UPLOAD_REFUSED, SERVER_UNREACHABLE. */
  async command(text: string, codes: readonly number[]): Promise<FtpReplyText> {
    // From file names and URLs: a line end would be another command.
    if (/[\r\n\0]/.test(text)) throw refused(this.#where, "a command has a line end in it");
    const reply = this.#reply();
    this.#socket.write(`${text}\r\n`);
    return this.#require(await reply, codes);
  }

  /** The second reply of a transfer. */
  async completion(): Promise<FtpReplyText> {
    return this.#require(await this.#reply(), [226, 250]);
  }

  /** AUTH TLS (RFC 4217). */
  async encrypt(url: URL): Promise<void> {
    await this.command("AUTH TLS", [234]);
    this.#socket.removeAllListeners();
    this.#socket = await encrypted(this.#socket, { host: hostOf(url), port: 0, where: url.host });
    this.#text = "";
    this.#listen();
    await this.command("PBSZ 0", [200]);
    await this.command("PROT P", [200]);
  }

  async quit(): Promise<void> {
    await this.command("QUIT", [221]).catch(() => {
      // All files are there; how it says goodbye does not matter.
    });
    this.#socket.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #listen(): void {
    this.#socket.setTimeout(REPLY_TIMEOUT_MS, () => this.#socket.destroy(new Error(`no reply for ${REPLY_TIMEOUT_MS / 1000} s`)));
    this.#socket.on("data", (chunk) => this.#take(chunk));
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.on("close", () => this.#fail(new Error("the server closed the connection")));
  }

  #reply(): Promise<FtpReplyText> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(unreachable(this.#where, this.#ended));
      this.#waiting = { resolve, reject };
      this.#deliver();
      return undefined;
    });
  }

  #take(chunk: Buffer): void {
    this.#text += chunk.toString("utf8");
    if (this.#text.length > REPLY_SIZE_BYTES_MAX) this.#socket.destroy(new Error("a reply without end"));
    this.#deliver();
  }

  /** `220 text`, or `220-first`, lines, `220 last`. */
  #deliver(): void {
    const [whole, code = "", separator] = /^(\d{3})([ -])[^\n]*\n/.exec(this.#text) ?? [];
    if (whole === undefined || this.#waiting === undefined) return;
    const end = separator === " " ? whole.length : endOfMultiline(this.#text, code);
    if (end === undefined) return;

    const text = this.#text.slice(4, end).trim();
    this.#text = this.#text.slice(end);
    const { resolve } = this.#waiting;
    this.#waiting = undefined;
    resolve({ code: Number(code), text });
  }

  #fail(error: Error): void {
    this.#ended ??= error;
    this.#waiting?.reject(unreachable(this.#where, this.#ended));
    this.#waiting = undefined;
  }

  #require(reply: FtpReplyText, codes: readonly number[]): FtpReplyText {
    if (codes.includes(reply.code)) return reply;
    this.#socket.destroy();
    throw refused(this.#where, `${reply.code} ${reply.text}`);
  }
}

function endOfMultiline(text: string, code: string): number | undefined {
  const last = new RegExp(`\\n${code} [^\\n]*\\n`).exec(text);
  return last === null ? undefined : last.index + last[0].length;
}

/** Without the brackets that URLs have around IPv6 addresses. */
export function hostOf(url: URL): string {
  return url.hostname.replaceAll(/^\[|\]$/g, "");
}

interface TlsPlace {
  readonly host: string;
  readonly port: number;
  readonly where: string;
}

async function encrypted(socket: Socket | undefined, { host, port, where }: TlsPlace): Promise<Socket> {
  const place = socket === undefined ? { host, port } : { socket };
  return opened(connectTls({ ...place, servername: /^[\d.]+$|:/.test(host) ? "" : host, host }), "secureConnect", where);
}

export function opened<S extends Socket>(socket: S, event: string, where: string): Promise<S> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(new Error("no connection in time")), REPLY_TIMEOUT_MS);
    const fail = (error: Error): void => {
      clearTimeout(timer);
      reject(unreachable(where, error));
    };
    socket.once("error", fail);
    socket.once(event, () => {
      clearTimeout(timer);
      socket.off("error", fail);
      resolve(socket);
    });
  });
}

export function unreachable(where: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  return (
    findUntrusted(where, cause) ??
    new AppError({
      kind: "unavailable",
      code: "SERVER_UNREACHABLE",
      message: `${where} does not answer as a server for uploads`,
      hint: "Look at the address; the instance's own is shown by: mini-buildd dput_conf",
      cause,
    })
  );
}

export function refused(where: string, answer: string): AppError {
  return new AppError({
    kind: "conflict",
    code: "UPLOAD_REFUSED",
    message: `${where} refuses the upload: ${answer.slice(0, 500)}`,
    hint: "The answer says why; what was sent before it is thrown away by itself",
  });
}
