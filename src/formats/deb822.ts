import { defaultLimits } from "../runtime/index.ts";
import { splitClearsigned } from "./clearsigned.ts";
import { invalid, quote } from "./invalid.ts";
import { decodeUtf8 } from "./utf8.ts";

export interface Deb822Field {
  /** As written; look-ups ignore its case. */
  readonly name: string;
  /**
   * First line and continuation lines joined by "\n", each without its leading blank and trailing white space;
   * the dot that stands for an empty line is gone. A list like Files starts with "\n".
   */
  readonly value: string;
  /** 1-based line of the field's name. */
  readonly line: number;
}

/** One paragraph of control data. */
export interface Stanza {
  /** By lower-case name, in the order written. */
  readonly fields: ReadonlyMap<string, Deb822Field>;
  /** 1-based line of its first field. */
  readonly line: number;
}

export interface Deb822Options {
  /** What is read, for messages: "hello_2.10-3.dsc". */
  readonly subject?: string | undefined;
  /** Default: limits.controlFileSizeBytesMax. */
  readonly sizeBytesMax?: number | undefined;
  /** The number of the first line, when the text is a part of a file. Default 1. */
  readonly firstLine?: number | undefined;
}

/**
 * Exactly one stanza. Throws CONTROL_DATA_INVALID with the position, CONTROL_DATA_TOO_LARGE.
 */
export function parseDeb822Stanza(input: string | Uint8Array, options: Deb822Options = {}): Stanza {
  const [stanza, second] = parseDeb822Stanzas(input, options);
  if (stanza === undefined) throw malformed(options, undefined, "there is no field");
  if (second !== undefined) throw malformed(options, second.line, "a second paragraph begins, and only one is allowed");
  return stanza;
}

/**
 * The one stanza of a file that may be clearsigned (.changes, .dsc, .buildinfo). Does NOT verify the signature: pass
 * the text that keyring verified where it matters. Throws like parseDeb822Stanza, and CLEARSIGNED_INVALID.
 */
export function parseSignedStanza(input: string | Uint8Array, options: Deb822Options = {}): Stanza {
  const { text, firstLine } = splitClearsigned(decodeText(input, options));
  return parseDeb822Stanza(text, { ...options, firstLine });
}

/** Any number of stanzas. Throws like parseDeb822Stanza. */
export function parseDeb822Stanzas(input: string | Uint8Array, options: Deb822Options = {}): Stanza[] {
  const reader = new StanzaReader(options);
  let lineNumber = (options.firstLine ?? 1) - 1;
  for (const line of decodeText(input, options).split("\n")) {
    lineNumber += 1;
    reader.take(line, lineNumber);
  }
  return reader.end();
}

/** One stanza as text that ends in a newline. parse(format(x)) = x. */
export function formatDeb822(fields: Stanza | readonly (readonly [name: string, value: string])[]): string {
  const pairs = "fields" in fields ? [...fields.fields.values()].map(({ name, value }) => [name, value] as const) : fields;
  return pairs.map(([name, value]) => formatField(name, value)).join("");
}

/** The value, or undefined when the field is absent. Case of the name does not matter. */
export function fieldValue(stanza: Stanza, name: string): string | undefined {
  return stanza.fields.get(name.toLowerCase())?.value;
}

/** The value, which must be there and not be empty. Throws CONTROL_DATA_INVALID. */
export function requiredField(stanza: Stanza, name: string, options: Deb822Options = {}): string {
  const value = fieldValue(stanza, name);
  if (value !== undefined && value.trim() !== "") return value;

  const what = value === undefined ? "is missing" : "is empty";
  throw malformed(options, stanza.line, `the field ${what}`, name);
}

/** "hello.dsc, line 12, field \"Files\"": where a field is, for messages. */
export function fieldPosition(stanza: Stanza, name: string, options: Deb822Options = {}): string {
  return position(options, stanza.fields.get(name.toLowerCase())?.line ?? stanza.line, name);
}

/** Printable ASCII without colon; no "#" or "-" in front. */
const FIELD_NAME = /^[!"$-,.-9;-~][!-9;-~]*$/;
const FIELD_LINE = /^([!"$-,.-9;-~][!-9;-~]*):[ \t]*(.*)$/s;

/** Takes line after line; a stanza ends at a blank line that no continuation line follows. */
class StanzaReader {
  readonly #options: Deb822Options;
  readonly #stanzas: Stanza[] = [];
  #fields = new Map<string, Deb822Field>();
  #stanzaLine = 0;
  #current: { key: string; name: string; lines: string[]; line: number } | undefined;
  #blankLines = 0;

  constructor(options: Deb822Options) {
    this.#options = options;
  }

  take(rawLine: string, lineNumber: number): void {
    const line = trimEnd(rawLine);
    if (line === "") {
      this.#blankLines += 1;
    } else if (line.startsWith("#")) {
      // A comment, also between continuation lines.
    } else if (line.startsWith(" ") || line.startsWith("\t")) {
      this.#takeContinuation(line, lineNumber);
    } else {
      this.#takeField(line, lineNumber);
    }
  }

  end(): Stanza[] {
    this.#endStanza();
    return this.#stanzas;
  }

  #takeContinuation(line: string, lineNumber: number): void {
    if (this.#current === undefined) throw malformed(this.#options, lineNumber, "a continuation line without a field");

    // Old dpkg-source wrote blank lines into Package-List; no paragraph can begin with a continuation line.
    for (; this.#blankLines > 0; this.#blankLines -= 1) this.#current.lines.push("");
    const text = line.slice(1);
    this.#current.lines.push(/^\.+$/.test(text) ? text.slice(1) : text);
  }

  #takeField(line: string, lineNumber: number): void {
    if (this.#blankLines > 0) this.#endStanza();

    const [, name, value] = FIELD_LINE.exec(line) ?? [];
    if (name === undefined) throw malformed(this.#options, lineNumber, `${quote(line)} is not of the form "Name: value"`);
    this.#endField();
    const key = name.toLowerCase();
    if (this.#fields.has(key)) throw malformed(this.#options, lineNumber, "the field occurs twice", name);

    if (this.#fields.size === 0) this.#stanzaLine = lineNumber;
    this.#current = { key, name, lines: [value ?? ""], line: lineNumber };
  }

  #endField(): void {
    if (this.#current === undefined) return;
    const { key, name, lines, line } = this.#current;
    this.#fields.set(key, { name, value: lines.join("\n"), line });
    this.#current = undefined;
  }

  #endStanza(): void {
    this.#endField();
    if (this.#fields.size > 0) this.#stanzas.push({ fields: this.#fields, line: this.#stanzaLine });
    this.#fields = new Map();
    this.#blankLines = 0;
  }
}

function formatField(name: string, value: string): string {
  if (!FIELD_NAME.test(name)) {
    throw invalid({ code: "CONTROL_DATA_INVALID", message: `${quote(name)} cannot be the name of a field` });
  }

  if (value !== "" && !value.includes("\n")) return `${name}: ${value}\n`;
  const [first = "", ...rest] = value.split("\n");
  const continuation = rest.map((line) => (/^\.*$/.test(line) ? ` .${line}\n` : ` ${line}\n`)).join("");
  return `${name}:${first === "" ? "" : ` ${first}`}\n${continuation}`;
}

function decodeText(input: string | Uint8Array, options: Deb822Options): string {
  const sizeBytesMax = options.sizeBytesMax ?? defaultLimits.controlFileSizeBytesMax;
  if (input.length > sizeBytesMax) {
    const subject = options.subject ?? "control data";
    throw invalid({
      code: "CONTROL_DATA_TOO_LARGE",
      message: `${subject} has ${input.length} bytes, and at most ${sizeBytesMax} are read`,
    });
  }

  const text = decodeUtf8(input, options.subject);
  const nul = text.indexOf("\0");
  if (nul >= 0) throw malformed(options, text.slice(0, nul).split("\n").length, "there is a NUL byte");
  return text;
}

function malformed(options: Deb822Options, line: number | undefined, what: string, fieldName?: string): Error {
  const where = position(options, line, fieldName);
  return invalid({ code: "CONTROL_DATA_INVALID", message: where === "" ? what : `${where}: ${what}` });
}

function position(options: Deb822Options, line: number | undefined, fieldName?: string): string {
  const parts = [options.subject, line === undefined ? undefined : `line ${line}`, fieldName && `field "${fieldName}"`];
  return parts.filter((part) => part !== undefined && part !== "").join(", ");
}

function trimEnd(line: string): string {
  let end = line.length;
  while (end > 0 && " \t\r".includes(line[end - 1] ?? "")) end -= 1;
  return line.slice(0, end);
}
