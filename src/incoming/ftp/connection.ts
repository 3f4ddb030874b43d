import type { Socket } from "node:net";
import { type Clock, type Limits, type Logger, normaliseAddress } from "../../runtime/index.ts";
import type { Quarantine, Receipt } from "../quarantine.ts";
import type { UploadQuota } from "../upload-quota.ts";
import { parseFtpCommand } from "./command.ts";
import { answerCommand } from "./commands.ts";
import type { TransferOptions } from "./data-commands.ts";
import { finishHandshake, wrapInTls } from "./encryption.ts";
import { type FtpLine, FtpLineReader } from "./lines.ts";
import { type FtpReply, formatReply, reply } from "./reply.ts";
import { type FtpSession, startSession } from "./session.ts";
import type { TransferContext } from "./transfer-commands.ts";

export interface FtpConnectionOptions extends TransferOptions {
  /** TLS comes before anything is said (ftps:// of curl and lftp), instead of after AUTH TLS. */
  readonly isImplicitlyEncrypted?: boolean | undefined;
  readonly quarantine: Quarantine;
  readonly quota: UploadQuota;
  readonly limits: Pick<Limits, "uploadIdleTimeoutMs">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Commands a client may send ahead of our replies. */
const PENDING_LINES_MAX = 64;
/** A client that understands nothing of what we say is none: a scanner, or a browser made to talk to us. */
const BAD_COMMANDS_MAX = 10;
/** A client that stays connected without another command has got our reply. */
const SETTLE_AFTER_MS = 1_000;

/** One control connection, from greeting to end. */
export class FtpConnection {
  #socket: Socket;
  readonly #options: FtpConnectionOptions;
  readonly #session: FtpSession;
  #reader = new FtpLineReader();
  readonly #lines: FtpLine[] = [];
  readonly #ended = new AbortController();
  #wakeReader: () => void = () => {};
  #transfer: AbortController | undefined;
  #lastReceipt: Receipt | undefined;
  #settleTimer: NodeJS.Timeout | undefined;
  #isBroken = false;
  #badCommands = 0;

  constructor(socket: Socket, options: FtpConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#session = startSession(normaliseAddress(socket.remoteAddress), normaliseAddress(socket.localAddress));
  }

  /** Serves the client until it, the idle limit or `close` ends the connection. Never throws. */
  async run(): Promise<void> {
    this.#watch();
    try {
      if (this.#options.isImplicitlyEncrypted === true && !(await this.#encrypt())) return;
      this.#session.isDataEncrypted = this.#session.isEncrypted;
      this.#send(reply(220, "mini-buildd takes uploads: log in as anonymous, send to /incoming"));
      await this.#serve();
    } catch (error) {
      this.#options.logger.error("an FTP connection failed", { error, peer: this.#session.peer });
    } finally {
      await this.#end();
    }
  }

  /** End it now; a running transfer is cut off and leaves nothing. */
  close(): void {
    this.#send(reply(421, "Closing down"));
    this.#socket.destroy();
    this.#ended.abort();
    this.#wakeReader();
  }

  async #serve(): Promise<void> {
    for (;;) {
      const line = await this.#nextLine();
      if (line === undefined) return;
      this.#settle();

      const answer = await this.#answer(line);
      if (this.#ended.signal.aborted) return await this.#forget();
      this.#send(answer);
      if (this.#lastReceipt !== undefined) this.#settleTimer = setTimeout(() => this.#settle(), SETTLE_AFTER_MS);
      if (answer.code === 221) return;
      if (answer.code === 234 && !(await this.#encrypt())) return;
      if (this.#badCommands > BAD_COMMANDS_MAX) {
        this.#send(reply(421, "Too many commands that make no sense here"));
        return;
      }
    }
  }

  async #answer(line: FtpLine): Promise<FtpReply> {
    const command = line.type === "line" ? parseFtpCommand(line.text) : undefined;
    if (command === undefined) {
      this.#badCommands += 1;
      return reply(500, line.type === "too-long" ? "Line too long" : "Not a command");
    }

    const transfer = new AbortController();
    this.#transfer = transfer;
    try {
      const context = this.#context(AbortSignal.any([transfer.signal, this.#ended.signal]));
      const answer = await answerCommand(context, command);
      this.#lastReceipt = context.lastReceipt;
      if (answer.code === 502 || answer.code === 530) this.#badCommands += 1;
      return answer;
    } finally {
      this.#transfer = undefined;
    }
  }

  #context(signal: AbortSignal): TransferContext {
    const { quarantine, quota, clock, logger, limits } = this.#options;
    return {
      session: this.#session,
      quarantine,
      quota,
      clock,
      logger,
      options: this.#options,
      idleTimeoutMs: limits.uploadIdleTimeoutMs,
      signal,
      announce: (intermediate) => this.#send(intermediate),
      lastReceipt: undefined,
    };
  }

  /**
   * Go on in TLS. What was sent in the clear after AUTH would be taken for encrypted: who does that is cut off. False
   * when there will be no TLS.
   */
  async #encrypt(): Promise<boolean> {
    const { encryption, logger } = this.#options;
    if (encryption === undefined || this.#lines.length > 0) return false;

    const clear = this.#socket;
    for (const event of ["data", "end", "close", "error", "timeout"]) clear.removeAllListeners(event);
    clear.on("error", () => {});
    clear.setTimeout(0);
    const secure = wrapInTls(clear, encryption, "control");
    this.#socket = secure;
    this.#reader = new FtpLineReader();
    this.#watch();
    try {
      await finishHandshake(secure, this.#ended.signal);
    } catch (error) {
      logger.info("no TLS with an FTP client", { error, peer: this.#session.peer });
      return false;
    }
    this.#session.isEncrypted = true;
    // Who it was before is not who it is now.
    this.#session.login = "none";
    return true;
  }

  #watch(): void {
    const socket = this.#socket;
    socket.setNoDelay(true);
    socket.setTimeout(this.#options.limits.uploadIdleTimeoutMs, () => this.#timeOut());
    socket.on("data", (chunk) => this.#read(chunk));
    socket.on("end", () => this.#lose());
    socket.on("close", () => this.#lose());
    socket.on("error", () => {
      // A reset also means that the client did not read all of our replies.
      this.#isBroken = true;
      this.#lose();
    });
  }

  #read(chunk: Buffer): void {
    for (const line of this.#reader.push(chunk)) {
      this.#lines.push(line);
      if (line.type === "line" && /^ABOR\b/i.test(line.text)) this.#transfer?.abort();
    }
    if (this.#lines.length > PENDING_LINES_MAX) this.#socket.pause();
    this.#wakeReader();
  }

  async #nextLine(): Promise<FtpLine | undefined> {
    while (this.#lines.length === 0) {
      if (this.#ended.signal.aborted) return undefined;
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
    const line = this.#lines.shift();
    if (this.#socket.isPaused() && this.#lines.length === 0) this.#socket.resume();
    return line;
  }

  /** The data connection has its own limit while a transfer runs. */
  #timeOut(): void {
    if (this.#transfer !== undefined) return;
    this.#send(reply(421, "Idle for too long"));
    this.#socket.destroySoon();
    this.#lose();
  }

  #lose(): void {
    this.#ended.abort();
    this.#wakeReader();
  }

  #settle(): void {
    clearTimeout(this.#settleTimer);
    this.#lastReceipt?.settle();
    this.#lastReceipt = undefined;
  }

  /** The client never heard that its last file is whole, so to it the file is not. */
  async #forget(): Promise<void> {
    await this.#lastReceipt?.withdraw();
    this.#lastReceipt = undefined;
  }

  async #end(): Promise<void> {
    clearTimeout(this.#settleTimer);
    if (this.#isBroken) await this.#forget();
    this.#settle();
    this.#session.dataChannel?.close();
    this.#socket.destroySoon();
  }

  #send(answer: FtpReply): void {
    if (this.#socket.writable) this.#socket.write(formatReply(answer));
  }
}
