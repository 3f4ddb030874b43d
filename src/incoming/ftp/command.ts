export interface FtpCommand {
  /** Upper case. */
  readonly verb: string;
  /** Everything after the first space, unchanged: spaces belong to names. */
  readonly argument: string;
}

const COMMAND = /^([A-Za-z]{3,4})(?: (.*))?$/s;

/** A command line as RFC 959 has it; `undefined` for what is none, also when it holds control characters. */
export function parseFtpCommand(line: string): FtpCommand | undefined {
  const match = COMMAND.exec(line);
  if (match === null) return undefined;

  const argument = match[2] ?? "";
  if (/\p{Cc}/u.test(argument)) return undefined;
  return { verb: (match[1] ?? "").toUpperCase(), argument };
}
