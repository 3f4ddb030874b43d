/** Longest command line, without its end: 255 bytes of name, a path and a verb fit many times. */
const LINE_BYTES_MAX = 4096;

const TELNET_IAC = 255;
/** Telnet commands with one more byte: WILL, WONT, DO, DONT. */
const TELNET_OPTION_FIRST = 251;

/** One command line, or why there is none. */
export type FtpLine =
  | { readonly type: "line"; readonly text: string }
  | { readonly type: "too-long" }
  | { readonly type: "not-text" };

/**
 * Cuts what comes over the control connection into lines. Telnet commands (RFC 959 §4.1.3 lets a client send
 * Interrupt Process and Synch before ABOR) are dropped; a line that is too long is reported once and skipped.
 */
export class FtpLineReader {
  #line: number[] = [];
  #telnet: "none" | "command" | "option" = "none";
  #isTooLong = false;

  push(chunk: Uint8Array): FtpLine[] {
    const lines: FtpLine[] = [];
    for (const byte of chunk) {
      const literal = this.#afterTelnet(byte);
      if (literal === undefined) continue;
      if (literal === 0x0a) {
        lines.push(this.#endLine());
      } else {
        this.#add(literal);
      }
    }
    return lines;
  }

  #afterTelnet(byte: number): number | undefined {
    if (this.#telnet === "option") {
      this.#telnet = "none";
      return undefined;
    }
    if (this.#telnet === "command") {
      this.#telnet = byte >= TELNET_OPTION_FIRST && byte < TELNET_IAC ? "option" : "none";
      return byte === TELNET_IAC ? byte : undefined;
    }
    if (byte !== TELNET_IAC) return byte;
    this.#telnet = "command";
    return undefined;
  }

  #add(byte: number): void {
    if (this.#line.length < LINE_BYTES_MAX) {
      this.#line.push(byte);
    } else {
      this.#isTooLong = true;
    }
  }

  #endLine(): FtpLine {
    const bytes = this.#line.at(-1) === 0x0d ? this.#line.slice(0, -1) : this.#line;
    const isTooLong = this.#isTooLong;
    this.#line = [];
    this.#isTooLong = false;
    if (isTooLong) return { type: "too-long" };

    try {
      return { type: "line", text: new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes)) };
    } catch {
      // Not UTF-8: no name that we take, and no command.
      return { type: "not-text" };
    }
  }
}
