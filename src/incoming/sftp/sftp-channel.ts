import type { SFTPWrapper } from "ssh2";

/** What ssh2 has inside of an SFTP channel, and offers for other kinds of channels only. */
interface ChannelParts {
  readonly _protocol?: {
    channelExtData?(channel: number, data: Buffer, type: number): void;
    exitStatus?(channel: number, status: number): void;
  };
  readonly outgoing?: { readonly id: number; window: number; readonly state: string };
}

const STANDARD_ERROR = 1;

/** A line that OpenSSH's programs show to who runs them. */
export function sendAsStandardError(sftp: SFTPWrapper, text: string): void {
  const { _protocol, outgoing } = sftp as unknown as ChannelParts;
  const data = Buffer.from(text);
  if (outgoing?.state !== "open" || outgoing.window < data.length) return;
  outgoing.window -= data.length;
  _protocol?.channelExtData?.(outgoing.id, data, STANDARD_ERROR);
}

/** As sftp-server's exit status is 0. */
export function succeed(sftp: SFTPWrapper): void {
  const { _protocol, outgoing } = sftp as unknown as ChannelParts;
  if (outgoing?.state === "open" || outgoing?.state === "eof") _protocol?.exitStatus?.(outgoing.id, 0);
}
