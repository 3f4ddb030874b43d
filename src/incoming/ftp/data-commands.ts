import { isIPv4 } from "node:net";
import { normaliseAddress } from "../../runtime/index.ts";
import { type DataAddress, formatPassiveReply, parseExtendedPortArgument, parsePortArgument } from "./address.ts";
import { ActiveChannel, PassiveChannel, type PassivePorts } from "./data-channel.ts";
import type { FtpEncryption } from "./encryption.ts";
import { type FtpReply, reply } from "./reply.ts";
import { type FtpSession, replaceDataChannel } from "./session.ts";

export interface TransferOptions {
  /** What clients may ask for by AUTH TLS. */
  readonly encryption?: FtpEncryption | undefined;
  /** Ports a firewall lets through; any free port without it. */
  readonly passivePorts?: PassivePorts | undefined;
  /** The IPv4 address that PASV tells clients, when address translation hides ours. */
  readonly passiveAddress?: string | undefined;
}

const ONLY_EPSV = "EPSV ALL was given: only EPSV from here on";

export async function preparePassive(session: FtpSession, options: TransferOptions): Promise<FtpReply> {
  if (session.isExtendedPassiveOnly) return reply(503, ONLY_EPSV);
  if (!isIPv4(session.localAddress)) return reply(425, "PASV is for IPv4; use EPSV");

  const channel = await listen(session, options);
  return reply(227, `Entering Passive Mode ${formatPassiveReply(options.passiveAddress ?? session.localAddress, channel.port)}`);
}

export async function prepareExtendedPassive(session: FtpSession, argument: string, options: TransferOptions): Promise<FtpReply> {
  if (/^all$/i.test(argument)) {
    session.isExtendedPassiveOnly = true;
    return reply(200, "Only EPSV from here on");
  }
  const family = isIPv4(session.localAddress) ? "1" : "2";
  if (argument !== "" && argument !== family) return reply(522, `Network protocol not supported, use (${family})`);

  const channel = await listen(session, options);
  return reply(229, `Entering Extended Passive Mode (|||${channel.port}|)`);
}

export function prepareActive(session: FtpSession, argument: string): FtpReply {
  if (session.isExtendedPassiveOnly) return reply(503, ONLY_EPSV);
  return connectLater(session, parsePortArgument(argument));
}

export function prepareExtendedActive(session: FtpSession, argument: string): FtpReply {
  if (session.isExtendedPassiveOnly) return reply(503, ONLY_EPSV);
  return connectLater(session, parseExtendedPortArgument(argument));
}

/** Connecting to anybody but the client itself would make us a tool for scanning others (FTP bounce, RFC 2577 §3). */
function connectLater(session: FtpSession, target: DataAddress | undefined): FtpReply {
  if (target === undefined) return reply(501, "That is no address");
  if (normaliseAddress(target.host) !== session.peer) return reply(504, "Only connections to your own address");
  if (target.port < 1024) return reply(504, "Only ports from 1024 on");

  replaceDataChannel(session, new ActiveChannel({ host: session.peer, port: target.port }));
  return reply(200, "Noted");
}

/** Encryption of the data connections to come (RFC 4217). */
export function protectData(session: FtpSession, argument: string, { encryption }: TransferOptions): FtpReply {
  if (!session.isEncrypted) return reply(503, "AUTH TLS comes first");
  if (/^p$/i.test(argument)) {
    session.isDataEncrypted = true;
    return reply(200, "Data connections are encrypted");
  }
  if (!/^c$/i.test(argument)) return reply(536, "Only PROT P and PROT C");
  if (encryption?.isRequired === true) return reply(534, "Only encrypted data connections here: PROT P");
  session.isDataEncrypted = false;
  return reply(200, "Data connections are not encrypted");
}

async function listen(session: FtpSession, options: TransferOptions): Promise<PassiveChannel> {
  const channel = await PassiveChannel.listen({
    host: session.localAddress,
    peer: session.peer,
    ports: options.passivePorts,
  });
  replaceDataChannel(session, channel);
  return channel;
}
