/**
 * A build log is what hostile programs printed: any bytes, terminal sequences included. These functions make text
 * of it that can only be text, whatever shows it. They need no state between pieces, if the pieces are cut by
 * `safeLength`.
 */

/* oxlint-disable no-control-regex -- control characters are the subject */
/** Operating system commands, control sequences (7 and 8 bit), other escapes. */
const TERMINAL_SEQUENCE = /\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-~]/g;
/** What is left of C0, C1 and DEL, and the marks that reorder text (a log could show other code than it has). */
const CONTROL_CHARACTER = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;
/** On bytes: an 8 bit control sequence begins with C2 9B. */
const UNFINISHED_SEQUENCE = /(?:\x1b(?:\][^\x07\x1b\n]*|\[[0-?]*[ -/]*|[ -/]*)|\xc2\x9b[0-?]*[ -/]*|\r)$/;
/* oxlint-enable no-control-regex */

/** A terminal sequence longer than this is not waited for. */
const SEQUENCE_LENGTH_MAX = 256;

/** Log bytes as text: invalid UTF-8 and control characters become U+FFFD, terminal sequences go, lines end in \n. */
export function logText(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true })
    .decode(bytes)
    .replaceAll(/\r\n?/g, "\n")
    .replaceAll(TERMINAL_SEQUENCE, "")
    .replaceAll(CONTROL_CHARACTER, "\ufffd");
}

/** How many of these bytes can be shown now, without cutting a character or a terminal sequence in two. */
export function safeLength(bytes: Uint8Array): number {
  const tail = Buffer.from(bytes.subarray(Math.max(0, bytes.length - SEQUENCE_LENGTH_MAX))).toString("latin1");
  const unfinished = UNFINISHED_SEQUENCE.exec(tail);
  if (unfinished !== null) return bytes.length - unfinished[0].length;

  return bytes.length - unfinishedCharacterLength(bytes);
}

/** Bytes at the end that begin a UTF-8 character and do not end it. */
function unfinishedCharacterLength(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return back < characterLength(byte) ? back : 0;
  }
  return 0;
}

function characterLength(leadByte: number): number {
  if (leadByte >= 0xf0) return 4;
  return leadByte >= 0xe0 ? 3 : 2;
}
