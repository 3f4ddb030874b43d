import type { Socket } from "node:net";
import { AppError, type Clock, type Logger } from "../../runtime/index.ts";
import type { Intake, Quarantine, Receipt } from "../quarantine.ts";
import { transferCut } from "../upload-errors.ts";
import type { UploadQuota } from "../upload-quota.ts";
import { type DataChannel, dataConnectionError } from "./data-channel.ts";
import type { TransferOptions } from "./data-commands.ts";
import { endOrderly, finishHandshake, wrapInTls } from "./encryption.ts";
import { replyToError } from "./error-reply.ts";
import { resolveFtpPath } from "./paths.ts";
import { type FtpReply, reply } from "./reply.ts";
import { channelOf, type FtpSession, takeDataChannel } from "./session.ts";

export interface TransferContext {
  readonly session: FtpSession;
  readonly quarantine: Quarantine;
  readonly quota: UploadQuota;
  readonly options: TransferOptions;
  readonly clock: Clock;
  readonly logger: Logger;
  /** No byte on the data connection for this long ends a transfer. */
  readonly idleTimeoutMs: number;
  /** Aborted by ABOR and by the end of the control connection. */
  readonly signal: AbortSignal;
  /** Send an intermediate reply (150). */
  announce(reply: FtpReply): void;
  /** What STOR stored last: not settled before the client has gone on. */
  lastReceipt: Receipt | undefined;
}

/** STOR: one file into quarantine. */
export async function storeFile(context: TransferContext, argument: string): Promise<FtpReply> {
  const { session, signal } = context;
  const channel = takeDataChannel(session);
  const expectedSizeBytes = session.announcedSizeBytes;
  session.announcedSizeBytes = undefined;
  if (channel === undefined) return reply(425, "PASV, EPSV, PORT or EPRT comes first");
  if (mustEncrypt(context)) return refuseClear(channel);

  let intake: Intake | undefined;
  const path = resolveFtpPath(session.directory, argument);
  try {
    if (path?.type !== "file") return reply(550, "Uploads go to /incoming");

    context.quota.start(session.peer);
    intake = await context.quarantine.begin({
      name: path.name,
      channel: channelOf(session),
      peer: session.peer,
      expectedSizeBytes,
    });
    context.announce(reply(150, `Ready for ${path.name}`));
    await receive(await openData(context, channel), intake, context, path.name);
    const receipt = await finishUnlessCut(intake, signal, path.name);
    context.lastReceipt = receipt;
    session.stored.set(path.name, { sizeBytes: receipt.sizeBytes, storedAt: context.clock.now() });
    return reply(226, `Stored ${path.name}, ${receipt.sizeBytes} bytes`);
  } catch (error) {
    if (error instanceof AppError && path?.type === "file") {
      await context.quarantine.recordRefusal({ name: path.name, channel: channelOf(session), peer: session.peer, error });
    }
    return replyToError(error, { logger: context.logger, peer: session.peer });
  } finally {
    await intake?.abort();
    channel.close();
  }
}

function mustEncrypt({ session, options }: TransferContext): boolean {
  return options.encryption?.isRequired === true && !session.isDataEncrypted;
}

function refuseClear(channel: DataChannel): FtpReply {
  channel.close();
  return reply(522, "Only encrypted data connections here: PROT P comes first");
}

async function openData({ session, options, signal }: TransferContext, channel: DataChannel): Promise<Socket> {
  const socket = await channel.open(signal);
  if (!session.isDataEncrypted || options.encryption === undefined) return socket;

  const secure = wrapInTls(socket, options.encryption, "data");
  secure.on("error", () => {});
  try {
    await finishHandshake(secure, signal);
  } catch (error) {
    throw dataConnectionError("the data connection could not be encrypted", error);
  }
  return secure;
}

/**
 * In stream mode the end of the data connection is the end of the file (RFC 959 §3.4.1); a client that dies closes it
 * just the same. What tells the two apart is the control connection: it stays open, waiting for our reply.
 */
async function receive(data: Socket, intake: Intake, context: TransferContext, name: string): Promise<void> {
  let receivedBytes = 0;
  const cut = (): void => void data.destroy(transferCut(name, receivedBytes));
  context.signal.addEventListener("abort", cut, { once: true });
  data.setTimeout(context.idleTimeoutMs, cut);
  try {
    if (context.signal.aborted) throw transferCut(name, 0);
    for await (const chunk of data.iterator({ destroyOnReturn: false })) {
      receivedBytes += (chunk as Buffer).length;
      await intake.write(chunk as Buffer);
    }
    if (context.session.isDataEncrypted) await endOrderly(data);
  } catch (error) {
    throw error instanceof AppError ? error : transferCut(name, receivedBytes);
  } finally {
    context.signal.removeEventListener("abort", cut);
  }
}

async function finishUnlessCut(intake: Intake, signal: AbortSignal, name: string): Promise<Receipt> {
  const receipt = await intake.finish();
  // Let the event loop read what arrived on the control connection meanwhile, its end perhaps.
  await new Promise((resolve) => setImmediate(resolve));
  if (!signal.aborted) return receipt;

  await receipt.withdraw();
  throw transferCut(name, receipt.sizeBytes);
}

/** A listing shows what this session itself has sent, never others' files. */
export async function listFiles(context: TransferContext, style: "long" | "names"): Promise<FtpReply> {
  const { session } = context;
  const channel = takeDataChannel(session);
  if (channel === undefined) return reply(425, "PASV, EPSV, PORT or EPRT comes first");
  if (mustEncrypt(context)) return refuseClear(channel);

  try {
    context.announce(reply(150, "Your own files of this session follow"));
    const data = await openData(context, channel);
    await send(data, formatListing(session, style), context);
    return reply(226, "Listing sent");
  } catch (error) {
    return replyToError(error, { logger: context.logger, peer: session.peer });
  } finally {
    channel.close();
  }
}

function send(data: Socket, text: string, context: TransferContext): Promise<void> {
  return new Promise((resolve, reject) => {
    const cut = (): void => void data.destroy(transferCut("the listing", 0));
    context.signal.addEventListener("abort", cut, { once: true });
    data.setTimeout(context.idleTimeoutMs, cut);
    data.on("error", reject);
    data.on("close", () => {
      context.signal.removeEventListener("abort", cut);
      resolve();
    });
    data.resume();
    data.end(text, () => data.destroy());
  });
}

function formatListing(session: FtpSession, style: "long" | "names"): string {
  if (session.directory === "/") {
    return style === "names" ? "incoming\r\n" : "drwx-wx--T    1 ftp      ftp             0 Jan  1 00:00 incoming\r\n";
  }
  const lines = [...session.stored].map(([name, file]) =>
    style === "names" ? name : longLine(name, file.sizeBytes, file.storedAt),
  );
  return lines.map((line) => `${line}\r\n`).join("");
}

function longLine(name: string, sizeBytes: number, storedAt: Date): string {
  const month = storedAt.toLocaleString("en-US", { month: "short", timeZone: "UTC" });
  const day = String(storedAt.getUTCDate()).padStart(2);
  const time = storedAt.toISOString().slice(11, 16);
  return `--w-------    1 ftp      ftp      ${String(sizeBytes).padStart(10)} ${month} ${day} ${time} ${name}`;
}
