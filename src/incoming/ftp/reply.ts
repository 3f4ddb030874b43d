export interface FtpReply {
  readonly code: number;
  /** Several lines make a multi-line reply. */
  readonly lines: readonly string[];
}

export function reply(code: number, ...lines: readonly string[]): FtpReply {
  return { code, lines };
}

/** As RFC 959 §4.2 wants it. What came from a client or an error is stripped of line ends, or it could forge replies. */
export function formatReply({ code, lines }: FtpReply): string {
  const clean = lines.map((line) => line.replaceAll(/[^\u0020-\u007e]/g, "?"));
  const last = clean.at(-1) ?? "";
  if (clean.length < 2) return `${code} ${last}\r\n`;
  const middle = clean.slice(1, -1).map((line) => ` ${line}\r\n`);
  return `${code}-${clean[0]}\r\n${middle.join("")}${code} ${last}\r\n`;
}
