import type { UploadChannel } from "../channel.ts";
import type { DataChannel } from "./data-channel.ts";
import type { FtpDirectory } from "./paths.ts";

/** A file that this session itself has stored; the only ones it can see. */
export interface StoredFile {
  readonly sizeBytes: number;
  readonly storedAt: Date;
}

/**
 * What the server remembers of one control connection.
 *
 * login: `none` → (USER) `named` → (PASS) `in`. Nothing but USER, PASS and harmless questions is answered before `in`.
 */
export interface FtpSession {
  readonly peer: string;
  /** Our own address as the client reached it. */
  readonly localAddress: string;
  login: "none" | "named" | "in";
  /** By AUTH TLS, or from the beginning. */
  isEncrypted: boolean;
  /** By PROT P: the next data connections too. */
  isDataEncrypted: boolean;
  directory: FtpDirectory;
  /** Prepared by PASV, EPSV, PORT or EPRT for the next transfer. */
  dataChannel: DataChannel | undefined;
  /** After EPSV ALL (RFC 2428 §4) only EPSV is accepted. */
  isExtendedPassiveOnly: boolean;
  /** By ALLO, for the next STOR. */
  announcedSizeBytes: number | undefined;
  readonly stored: Map<string, StoredFile>;
}

export function startSession(peer: string, localAddress: string): FtpSession {
  return {
    peer,
    localAddress,
    login: "none",
    isEncrypted: false,
    isDataEncrypted: false,
    directory: "/",
    dataChannel: undefined,
    isExtendedPassiveOnly: false,
    announcedSizeBytes: undefined,
    stored: new Map(),
  };
}

/** Take the prepared data channel: it serves one transfer. */
export function takeDataChannel(session: FtpSession): DataChannel | undefined {
  const channel = session.dataChannel;
  session.dataChannel = undefined;
  return channel;
}

export function replaceDataChannel(session: FtpSession, channel: DataChannel): void {
  session.dataChannel?.close();
  session.dataChannel = channel;
}

export function channelOf({ isEncrypted }: FtpSession): UploadChannel {
  return isEncrypted ? "ftps" : "ftp";
}
