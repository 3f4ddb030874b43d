import { ByteReader } from "./byte-reader.ts";
import { invalidDeb } from "./invalid-deb.ts";

export type TarEntryType = "file" | "hardlink" | "symlink" | "character-device" | "block-device" | "directory" | "fifo";

export interface TarEntry {
  /** Relative, without "./" in front and "/" behind; "" for the root. */
  readonly path: string;
  readonly type: TarEntryType;
  readonly sizeBytes: number;
  /** Permission bits. */
  readonly mode: number;
  /** As written; of a hard link and a symbolic link. */
  readonly linkTarget: string | undefined;
  /** Only of files that `keeps` asked for. */
  readonly content: Buffer | undefined;
}

export interface TarOptions {
  /** Files whose content is wanted; others are skipped. */
  readonly keeps?: ((path: string) => boolean) | undefined;
}

const BLOCK_BYTES = 512;
const ZEROS = Buffer.alloc(BLOCK_BYTES);
/** dpkg's own names are far shorter. */
const LONG_NAME_BYTES_MAX = 64 * 1024;
const TYPES: Readonly<Record<string, TarEntryType>> = {
  "\0": "file",
  "0": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "character-device",
  "4": "block-device",
  "5": "directory",
  "6": "fifo",
  "7": "file",
};

/**
 * The entries of a tar archive as dpkg reads it: v7, ustar and GNU's long names; no pax headers, which dpkg refuses
 * too. Throws DEB_INVALID for damage and for names that lead out of the package's root or break a listing.
 */
export async function* readTar(input: AsyncIterable<Buffer>, options: TarOptions = {}): AsyncGenerator<TarEntry> {
  const reader = new ByteReader(input);
  const headers = new TarHeaders();
  try {
    for (let block = await reader.read(BLOCK_BYTES); block !== undefined; block = await reader.read(BLOCK_BYTES)) {
      const header = headers.take(block, 0);
      if (header === undefined) break;
      const isWanted = isContentWanted(header, options);
      const content = isWanted && header.contentBytes > 0 ? await reader.read(header.contentBytes) : undefined;
      if (isWanted && header.contentBytes > 0 && content === undefined) throw cutOff();
      await reader.skip(paddedSize(header.contentBytes) - (content?.length ?? 0));
      const entry = headers.finish(header, isWanted ? (content ?? Buffer.alloc(0)) : undefined);
      if (entry !== undefined) yield entry;
    }
    await reader.drain();
  } finally {
    await reader.close();
  }
}

/** The same for an archive that is in memory: for small ones, streams cost more than reading. */
export function readTarBytes(archive: Buffer, options: TarOptions = {}): TarEntry[] {
  const entries: TarEntry[] = [];
  const headers = new TarHeaders();
  for (let at = 0; at < archive.length; ) {
    if (at + BLOCK_BYTES > archive.length) throw cutOff();
    const header = headers.take(archive, at);
    if (header === undefined) break;
    at += BLOCK_BYTES;
    const end = at + paddedSize(header.contentBytes);
    if (end > archive.length) throw cutOff();
    const content = isContentWanted(header, options) ? archive.subarray(at, at + header.contentBytes) : undefined;
    const entry = headers.finish(header, content);
    if (entry !== undefined) entries.push(entry);
    at = end;
  }
  return entries;
}

interface TarHeader {
  /** Undefined: what follows is the name or the link of the next entry, by GNU's extension. */
  readonly type: TarEntryType | undefined;
  readonly typeFlag: string;
  /** As TarEntry has it; "" without a type. */
  readonly path: string;
  readonly link: string;
  /** That follow it, without padding. */
  readonly contentBytes: number;
  readonly mode: number;
}

function isContentWanted({ type, path }: TarHeader, { keeps }: TarOptions): boolean {
  return type === undefined || (type === "file" && keeps?.(path) === true);
}

/** Headers one after the other: a long name belongs to the entry after it. */
class TarHeaders {
  #longName: string | undefined;
  #longLink: string | undefined;

  /** Undefined at the end of the archive: a block of zeros. */
  take(bytes: Buffer, at: number): TarHeader | undefined {
    // The first byte is that of a name: looking at all of them is for the end only.
    if (bytes[at] === 0 && bytes.subarray(at, at + BLOCK_BYTES).equals(ZEROS)) return undefined;

    checkSum(bytes, at);
    const typeFlag = String.fromCharCode(bytes[at + 156] ?? 0);
    const sizeBytes = numberAt(bytes, at + 124, 12);
    const mode = numberAt(bytes, at + 100, 8) & 0o7777;
    if (typeFlag === "L" || typeFlag === "K") {
      if (sizeBytes > LONG_NAME_BYTES_MAX) throw invalidDeb(`its tar archive has a name of ${sizeBytes} bytes`);
      return { type: undefined, typeFlag, path: "", link: "", contentBytes: sizeBytes, mode };
    }

    const type = TYPES[typeFlag];
    if (type === undefined) throw invalidDeb(`its tar archive has an entry of the type ${JSON.stringify(typeFlag)}`);
    const path = checkPath(this.#longName ?? nameAt(bytes, at));
    const link = this.#longLink ?? textAt(bytes, at + 157, 100);
    // Only files have content; dpkg takes no notice of a size given for others.
    return { type, typeFlag, path, link, contentBytes: type === "file" ? sizeBytes : 0, mode };
  }

  /** The entry of a header, with its content where that was wanted; undefined for what only names the next one. */
  finish({ type, typeFlag, path, link, contentBytes, mode }: TarHeader, content: Buffer | undefined): TarEntry | undefined {
    if (type === undefined) {
      const text = textAt(content ?? ZEROS, 0, contentBytes);
      if (typeFlag === "L") this.#longName = text;
      else this.#longLink = text;
      return undefined;
    }
    this.#longName = undefined;
    this.#longLink = undefined;
    const isLink = type === "hardlink" || type === "symlink";
    return { path, type, sizeBytes: contentBytes, mode, linkTarget: isLink ? link : undefined, content };
  }
}

function nameAt(bytes: Buffer, at: number): string {
  const name = textAt(bytes, at, 100);
  const isUstar = bytes[at + 345] !== 0 && bytes.toString("latin1", at + 257, at + 263) === "ustar\0";
  return isUstar ? `${textAt(bytes, at + 345, 155)}/${name}` : name;
}

function cutOff(): Error {
  return invalidDeb("an archive in it is cut off");
}

function paddedSize(sizeBytes: number): number {
  return Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
}

/** Contents and file lists hold one path a line, relative to the root. */
function checkPath(name: string): string {
  const path = name.replace(/^(?:\.\/+)+/, "").replace(/\/+$/, "");
  const isHostile = name === "" || path.startsWith("/") || path.split("/").includes("..") || hasControlCharacter(path);
  if (isHostile) throw invalidDeb(`its tar archive has an entry named ${JSON.stringify(name.slice(0, 200))}`);
  return path === "." ? "" : path;
}

function hasControlCharacter(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

function checkSum(bytes: Buffer, at: number): void {
  // The sum's own field counts as blanks.
  let sum = 8 * 32;
  for (let index = at; index < at + 148; index += 1) sum += bytes[index] ?? 0;
  for (let index = at + 156; index < at + BLOCK_BYTES; index += 1) sum += bytes[index] ?? 0;
  if (sum !== numberAt(bytes, at + 148, 8)) throw invalidDeb("a header of its tar archive is damaged");
}

/** Octal text, or GNU's binary form for large sizes. */
function numberAt(bytes: Buffer, at: number, length: number): number {
  const number = bytes[at] === 0x80 ? binaryNumber(bytes.subarray(at + 1, at + length)) : octalNumber(bytes, at, length);
  if (!Number.isSafeInteger(number)) throw invalidDeb("a number in its tar archive is damaged");
  return number;
}

/** Digits up to a NUL or the end, with blanks around them; none are 0. */
function octalNumber(bytes: Buffer, at: number, length: number): number {
  let number = 0;
  let hasEnded = false;
  let hasDigits = false;
  for (let index = at; index < at + length; index += 1) {
    const byte = bytes[index] ?? 0;
    if (byte === 0) break;
    if (byte === BLANK) {
      hasEnded = hasDigits;
      continue;
    }
    if (hasEnded || byte < ZERO || byte > SEVEN) return Number.NaN;
    number = number * 8 + (byte - ZERO);
    hasDigits = true;
  }
  return number;
}

const BLANK = 0x20;
const ZERO = 0x30;
const SEVEN = 0x37;

function binaryNumber(bytes: Buffer): number {
  const significant = bytes.subarray(bytes.findIndex((byte) => byte !== 0));
  return significant.length > 7 ? Number.NaN : bytes.reduce((number, byte) => number * 256 + byte, 0);
}

/** Up to a NUL or the end of the field. */
function textAt(bytes: Buffer, at: number, length: number): string {
  let end = at;
  while (end < at + length && bytes[end] !== 0) end += 1;
  return end === at ? "" : bytes.toString("utf8", at, end);
}
