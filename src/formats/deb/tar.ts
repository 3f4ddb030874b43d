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
  const steps = tarSteps(options);
  try {
    let bytes: Buffer | undefined;
    for (let step = steps.next(); !step.done; step = steps.next(bytes)) {
      const { value } = step;
      bytes = "read" in value ? await reader.read(value.read) : undefined;
      if ("skip" in value) await reader.skip(value.skip);
      if ("entry" in value) yield value.entry;
    }
    await reader.drain();
  } finally {
    await reader.close();
  }
}

/** The same for an archive that is in memory: for small ones, streams cost more than reading. */
export function readTarBytes(archive: Buffer, options: TarOptions = {}): TarEntry[] {
  const entries: TarEntry[] = [];
  const steps = tarSteps(options);
  let at = 0;
  let bytes: Buffer | undefined;
  for (let step = steps.next(); !step.done; step = steps.next(bytes)) {
    const { value } = step;
    bytes = undefined;
    if ("entry" in value) {
      entries.push(value.entry);
      continue;
    }
    const end = at + ("read" in value ? value.read : value.skip);
    if ("read" in value && at < archive.length) bytes = archive.subarray(at, end);
    if (end > archive.length && ("skip" in value || bytes !== undefined)) throw invalidDeb("an archive in it is cut off");
    at = end;
  }
  return entries;
}

/** What the reading of an archive asks for: bytes (the answer is undefined at its end), or none; and what it finds. */
type TarStep = { readonly read: number } | { readonly skip: number } | { readonly entry: TarEntry };
type TarReading<Result> = Generator<TarStep, Result, Buffer | undefined>;

function* tarSteps(options: TarOptions): TarReading<void> {
  let longName: string | undefined;
  let longLink: string | undefined;
  for (let header = yield* nextHeader(); header !== undefined; header = yield* nextHeader()) {
    if (header.typeFlag === "L") {
      longName = yield* readLongName(header.sizeBytes);
    } else if (header.typeFlag === "K") {
      longLink = yield* readLongName(header.sizeBytes);
    } else {
      const named = { ...header, name: longName ?? header.name, link: longLink ?? header.link };
      yield { entry: yield* readEntry(named, options) };
      longName = undefined;
      longLink = undefined;
    }
  }
}

interface TarHeader {
  readonly name: string;
  readonly link: string;
  readonly typeFlag: string;
  readonly sizeBytes: number;
  readonly mode: number;
}

/** Undefined at the end of the archive: a block of zeros, or the end of the stream. */
function* nextHeader(): TarReading<TarHeader | undefined> {
  const block = yield { read: BLOCK_BYTES };
  // The first byte is that of a name: looking at all of them is for the end only.
  if (block === undefined || (block[0] === 0 && block.equals(ZEROS))) return undefined;

  checkSum(block);
  const isUstar = block[345] !== 0 && block.toString("latin1", 257, 263) === "ustar\0";
  const prefix = isUstar ? textAt(block, 345, 155) : "";
  const name = textAt(block, 0, 100);
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    link: textAt(block, 157, 100),
    typeFlag: String.fromCharCode(block[156] ?? 0),
    sizeBytes: numberAt(block, 124, 12),
    mode: numberAt(block, 100, 8) & 0o7777,
  };
}

function* readEntry(header: TarHeader, { keeps }: TarOptions): TarReading<TarEntry> {
  const type = TYPES[header.typeFlag];
  if (type === undefined) throw invalidDeb(`its tar archive has an entry of the type ${JSON.stringify(header.typeFlag)}`);

  const path = checkPath(header.name);
  const isLink = type === "hardlink" || type === "symlink";
  const entry = { path, type, sizeBytes: 0, mode: header.mode, linkTarget: isLink ? header.link : undefined };
  // Only files have content; dpkg takes no notice of a size given for others.
  if (type !== "file") return { ...entry, content: undefined };

  const content = keeps?.(path) ? yield* readContent(header.sizeBytes) : undefined;
  if (content === undefined) yield { skip: paddedSize(header.sizeBytes) };
  return { ...entry, sizeBytes: header.sizeBytes, content };
}

function* readContent(sizeBytes: number): TarReading<Buffer> {
  const content = sizeBytes === 0 ? Buffer.alloc(0) : yield { read: sizeBytes };
  if (content === undefined) throw invalidDeb("an archive in it is cut off");
  yield { skip: paddedSize(sizeBytes) - sizeBytes };
  return content;
}

function* readLongName(sizeBytes: number): TarReading<string> {
  if (sizeBytes > LONG_NAME_BYTES_MAX) throw invalidDeb(`its tar archive has a name of ${sizeBytes} bytes`);
  const content = yield* readContent(sizeBytes);
  return textAt(content, 0, content.length);
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

function checkSum(block: Buffer): void {
  // The sum's own field counts as blanks.
  let sum = 8 * 32;
  for (let index = 0; index < block.length; index += 1) sum += block[index] ?? 0;
  for (let index = 148; index < 156; index += 1) sum -= block[index] ?? 0;
  if (sum !== numberAt(block, 148, 8)) throw invalidDeb("a header of its tar archive is damaged");
}

/** Octal text, or GNU's binary form for large sizes. */
function numberAt(block: Buffer, offset: number, length: number): number {
  const field = block.subarray(offset, offset + length);
  const number = field[0] === 0x80 ? binaryNumber(field.subarray(1)) : octalNumber(field);
  if (!Number.isSafeInteger(number)) throw invalidDeb("a number in its tar archive is damaged");
  return number;
}

/** Digits up to a NUL or the end, with blanks around them; none are 0. */
function octalNumber(field: Buffer): number {
  let number = 0;
  let hasEnded = false;
  let hasDigits = false;
  for (const byte of field) {
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

function textAt(block: Buffer, offset: number, length: number): string {
  if (block[offset] === 0) return "";
  const field = block.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? length : end);
}
