import { invalid } from "./invalid.ts";
import { decodeUtf8 } from "./utf8.ts";

export interface ClearsignedText {
  /** What was signed, dashes unescaped; the whole input when nothing is signed. Not verified: that is keyring's. */
  readonly text: string;
  /** The armoured signature; undefined when the input is not clearsigned. */
  readonly signature: string | undefined;
  /** 1-based line of the input where `text` begins. */
  readonly firstLine: number;
}

const BEGIN_MESSAGE = "-----BEGIN PGP SIGNED MESSAGE-----";
const BEGIN_SIGNATURE = "-----BEGIN PGP SIGNATURE-----";
const END_SIGNATURE = "-----END PGP SIGNATURE-----";

/**
 * The text inside an OpenPGP clearsigned message (RFC 9580 §7). Everything outside the signed block is ignored.
 * Throws CLEARSIGNED_INVALID when a block is begun but not whole, or when there are two: then it would be open
 * which one counts.
 */
export function splitClearsigned(input: string | Uint8Array): ClearsignedText {
  const source = decodeUtf8(input);

  const lines = source.split("\n").map((line) => line.replace(/\r$/, ""));
  const begin = lines.findIndex((line) => isMarker(line, BEGIN_MESSAGE));
  if (begin < 0) return { text: source, signature: undefined, firstLine: 1 };

  const textBegin = endOfArmorHeaders(lines, begin + 1);
  const signatureBegin = lines.findIndex((line, index) => index >= textBegin && isMarker(line, BEGIN_SIGNATURE));
  const end = lines.findIndex((line, index) => index > signatureBegin && isMarker(line, END_SIGNATURE));
  if (signatureBegin < 0 || end < 0) throw broken("the signature after the signed text is missing or cut off");
  if (lines.slice(end + 1).some((line) => isMarker(line, BEGIN_MESSAGE))) throw broken("there are two signed messages");

  const text = lines.slice(textBegin, signatureBegin).map((line, index) => unescapeDash(line, textBegin + index + 1));
  const signature = lines.slice(signatureBegin, end + 1);
  return { text: `${text.join("\n")}\n`, signature: `${signature.join("\n")}\n`, firstLine: textBegin + 1 };
}

function isMarker(line: string, marker: string): boolean {
  return line.startsWith(marker) && line.slice(marker.length).trim() === "";
}

/** Index of the first line of text. Only Hash headers may precede it: others could smuggle text past a reader. */
function endOfArmorHeaders(lines: readonly string[], from: number): number {
  for (let index = from; index < lines.length; index += 1) {
    const line = lines[index] ?? "";
    if (line.trim() === "") return index + 1;
    if (!/^Hash: [A-Za-z0-9, -]+$/.test(line.trimEnd())) throw broken(`line ${index + 1} is not a "Hash:" header`);
  }
  throw broken("no empty line ends the headers");
}

function unescapeDash(line: string, lineNumber: number): string {
  if (line.startsWith("- ")) return line.slice(2);
  if (line.startsWith("-")) throw broken(`line ${lineNumber} begins with a dash that is not escaped`);
  return line;
}

function broken(what: string): Error {
  return invalid({
    code: "CLEARSIGNED_INVALID",
    message: `the signed text is malformed: ${what}`,
    hint: "Sign it again, for instance with debsign",
  });
}
