import { AppError } from "../runtime/index.ts";

export interface ClearsignedMessage {
  /** Lines joined by LF, trailing white space removed, dash-unescaped, no LF at the end: exactly what the signature covers. */
  readonly signedBytes: Buffer;
  /** The armored signature, its BEGIN and END lines included. */
  readonly armoredSignature: string;
}

const BEGIN_MESSAGE = "-----BEGIN PGP SIGNED MESSAGE-----";
const BEGIN_SIGNATURE = "-----BEGIN PGP SIGNATURE-----";
const END_SIGNATURE = "-----END PGP SIGNATURE-----";

/**
 * Take the first clearsigned block apart; everything outside it is ignored. We split ourselves, as apt does, and
 * have the parts verified as a detached text signature: so what we go on with is what was verified, whatever gpg
 * makes of unusual framing.
 *
 * Throws SIGNATURE_MISSING when there is no such block, SIGNATURE_BAD when it is malformed.
 */
export function splitClearsignedMessage(bytes: Uint8Array): ClearsignedMessage {
  // latin1 maps each byte to one character and back.
  const lines = Buffer.from(bytes).toString("latin1").split("\n").map(stripTrailingWhitespace);

  const start = lines.indexOf(BEGIN_MESSAGE);
  if (start < 0) throw missing();
  const textStart = endOfHeaders(lines, start + 1);
  const textEnd = lines.indexOf(BEGIN_SIGNATURE, textStart);
  const end = lines.indexOf(END_SIGNATURE, textEnd);
  if (textEnd < 0 || end < 0) throw malformed("the signature is cut off");

  const signedLines = lines.slice(textStart, textEnd).map((line, index) => unescapeDash(line, textStart + index + 1));
  return {
    signedBytes: Buffer.from(signedLines.join("\n"), "latin1"),
    armoredSignature: `${lines.slice(textEnd, end + 1).join("\n")}\n`,
  };
}

function endOfHeaders(lines: readonly string[], from: number): number {
  for (let index = from; index < lines.length; index += 1) {
    const line = lines[index] ?? "";
    if (line === "") return index + 1;
    // RFC 9580 allows no other header here; text smuggled in as one would be unsigned.
    if (!/^Hash: [A-Za-z0-9, -]+$/.test(line)) throw malformed(`line ${index + 1} is no Hash header`);
  }
  throw malformed("there is no text");
}

function unescapeDash(line: string, lineNumber: number): string {
  if (line.includes("\0")) throw malformed(`line ${lineNumber} has a NUL byte`);
  if (line.startsWith("- ")) return line.slice(2);
  if (line.startsWith("-")) throw malformed(`line ${lineNumber} starts with an unescaped dash`);
  return line;
}

function stripTrailingWhitespace(line: string): string {
  let end = line.length;
  while (end > 0 && " \t\r".includes(line[end - 1] ?? "")) end -= 1;
  return line.slice(0, end);
}

function missing(): AppError {
  return new AppError({
    kind: "forbidden",
    code: "SIGNATURE_MISSING",
    message: "the file has no OpenPGP signature",
    hint: "Sign it, for example with debsign, and send it again",
  });
}

function malformed(what: string): AppError {
  return new AppError({
    kind: "forbidden",
    code: "SIGNATURE_BAD",
    message: `the signed message is malformed: ${what}`,
    hint: "Sign the original file again and send it again",
  });
}
