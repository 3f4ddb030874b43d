import { defaultLimits, type Limits } from "../../runtime/index.ts";
import { parseSourceField } from "../changes.ts";
import { fieldValue, parseDeb822Stanza, requiredField, type Stanza } from "../deb822.ts";
import { checkPackageName, isArchitectureName } from "../names.ts";
import { parseVersion, type Version } from "../version.ts";
import { type ArMember, listArMembers } from "./ar.ts";
import { type ByteSource, withByteSource } from "./byte-source.ts";
import { COMPRESSION_SUFFIXES, type DecompressOptions, decompress, decompressSmall, isSmall } from "./decompress.ts";
import { invalidDeb, tooLargeDeb } from "./invalid-deb.ts";
import { readTar, readTarBytes, type TarEntry, type TarEntryType, type TarOptions } from "./tar.ts";

/** What a .deb, .udeb or .ddeb says of itself. */
export interface DebControl {
  readonly packageName: string;
  readonly version: Version;
  /** "all" or a real architecture. */
  readonly architecture: string;
  readonly source: string;
  /** Differs from `version` in a binNMU, and where a source gives its binary packages other versions. */
  readonly sourceVersion: Version;
  readonly section: string | undefined;
  readonly priority: string | undefined;
  /** All fields of the control file. */
  readonly stanza: Stanza;
}

export interface DebFile {
  /** Relative to the root: "usr/bin/hello". */
  readonly path: string;
  readonly type: TarEntryType;
  readonly sizeBytes: number;
  readonly mode: number;
  readonly linkTarget: string | undefined;
}

export interface Deb {
  readonly control: DebControl;
  /** In the order of the archive, directories included, the root not. Contents lists all but directories. */
  readonly files: readonly DebFile[];
}

export interface ReadDebOptions {
  readonly limits?: Pick<
    Limits,
    "debControlSizeBytesMax" | "debDataSizeBytesMax" | "debCompressionRatioMax" | "debFileCountMax" | "controlFileSizeBytesMax"
  >;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A binary package's control data and list of files. Streams: nothing is unpacked to disk, and memory is bounded by
 * the list. From a path, or bytes in memory. Throws DEB_INVALID, DEB_TOO_LARGE and what the control file's fields throw (all `invalid`), and
 * COMMAND_FAILED (unavailable) when xz or bzip2 is missing.
 */
export async function readDeb(from: string | Uint8Array, options: ReadDebOptions = {}): Promise<Deb> {
  return withByteSource(from, async (source) => {
    const members = await findMembers(source);
    return {
      control: await readControlMember(members, options),
      files: await readDataMember(members, options),
    };
  });
}

/** Only the control data: quick, whatever the package's size. Throws like readDeb. */
export async function readDebControl(from: string | Uint8Array, options: ReadDebOptions = {}): Promise<DebControl> {
  return withByteSource(from, async (source) => readControlMember(await findMembers(source), options));
}

interface DebMembers {
  readonly source: ByteSource;
  readonly control: ArMember;
  readonly data: ArMember;
}

/** deb(5): debian-binary, control.tar*, data.tar* in this order; names beginning with "_" may stand between, and are ignored. */
async function findMembers(source: ByteSource): Promise<DebMembers> {
  const [format, control, data] = (await listArMembers(source)).filter((member) => !member.name.startsWith("_"));
  if (format?.name !== "debian-binary") throw invalidDeb("its first member is not debian-binary");

  const text = (await source.read(format.offset, Math.min(format.sizeBytes, 16))).toString("latin1");
  if (!/^2\.[0-9]+\n/.test(text)) throw invalidDeb(`its format is ${JSON.stringify(text.trim())}, and only 2.x is known`);
  if (control === undefined || suffixOf(control, "control.tar") === undefined) {
    throw invalidDeb("its second member is not control.tar");
  }
  if (data === undefined || suffixOf(data, "data.tar") === undefined) throw invalidDeb("its third member is not data.tar");
  return { source, control, data };
}

async function readControlMember(members: DebMembers, options: ReadDebOptions): Promise<DebControl> {
  const limits = options.limits ?? defaultLimits;
  const unpacking = unpackingOf(members.control, "control.tar", { ...options, outputBytesMax: limits.debControlSizeBytesMax });
  let content: Buffer | undefined;
  const entries = memberEntries(members.source, members.control, { unpacking, keeps: (path) => path === "control" });
  for await (const some of entries) for (const entry of some) content ??= entry.content;
  if (content === undefined) throw invalidDeb("there is no control file in its control archive");

  return makeControl(parseDeb822Stanza(content, { subject: "control", sizeBytesMax: limits.controlFileSizeBytesMax }));
}

function makeControl(stanza: Stanza): DebControl {
  const subject = { subject: "control" };
  const packageName = checkPackageName(requiredField(stanza, "Package", subject));
  const version = parseVersion(requiredField(stanza, "Version", subject));
  const architecture = requiredField(stanza, "Architecture", subject);
  if (!isArchitectureName(architecture)) throw invalidDeb(`${JSON.stringify(architecture.slice(0, 80))} is no architecture`);

  const { source, sourceVersion } = parseSourceField(fieldValue(stanza, "Source") ?? packageName);
  return {
    packageName,
    version,
    architecture,
    source,
    sourceVersion: sourceVersion ?? version,
    section: fieldValue(stanza, "Section"),
    priority: fieldValue(stanza, "Priority"),
    stanza,
  };
}

async function readDataMember(members: DebMembers, options: ReadDebOptions): Promise<DebFile[]> {
  const limits = options.limits ?? defaultLimits;
  const unpacking = unpackingOf(members.data, "data.tar", { ...options, outputBytesMax: limits.debDataSizeBytesMax });
  const files: DebFile[] = [];
  for await (const entries of memberEntries(members.source, members.data, { unpacking })) {
    for (const entry of entries) if (entry.path !== "") files.push(fileOf(entry));
    if (files.length > limits.debFileCountMax) throw tooLargeDeb(`it has more than ${limits.debFileCountMax} files`);
  }
  return files;
}

function fileOf({ path, type, sizeBytes, mode, linkTarget }: TarEntry): DebFile {
  return { path, type, sizeBytes, mode, linkTarget };
}

/** The entries of a member, one after the other; of a small one all at once. */
async function* memberEntries(
  source: ByteSource,
  member: ArMember,
  { unpacking, keeps }: { readonly unpacking: DecompressOptions } & TarOptions,
): AsyncGenerator<TarEntry[]> {
  unpacking.signal?.throwIfAborted();
  if (isSmall(unpacking.suffix, member.sizeBytes)) {
    const bytes = decompressSmall(await source.read(member.offset, member.sizeBytes), unpacking);
    if (bytes !== undefined) return void (yield readTarBytes(bytes, { keeps }));
  }
  for await (const entry of readTar(decompress(readMember(source, member), unpacking), { keeps })) yield [entry];
}

function unpackingOf(
  member: ArMember,
  stem: string,
  { limits = defaultLimits, signal, outputBytesMax }: ReadDebOptions & { readonly outputBytesMax: number },
): DecompressOptions {
  return { suffix: suffixOf(member, stem) ?? "", outputBytesMax, ratioMax: limits.debCompressionRatioMax, signal };
}

const CHUNK_BYTES = 256 * 1024;

async function* readMember(source: ByteSource, member: ArMember): AsyncGenerator<Buffer> {
  for (let done = 0; done < member.sizeBytes; done += CHUNK_BYTES) {
    yield await source.read(member.offset + done, Math.min(CHUNK_BYTES, member.sizeBytes - done));
  }
}

function suffixOf({ name }: ArMember, stem: string): string | undefined {
  const suffix = name.slice(stem.length);
  return name.startsWith(stem) && COMPRESSION_SUFFIXES.includes(suffix) ? suffix : undefined;
}
