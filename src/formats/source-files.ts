import { defaultLimits } from "../runtime/index.ts";
import { fieldPosition, fieldValue, requiredField, type Stanza } from "./deb822.ts";
import { invalid, quote } from "./invalid.ts";
import { checkFileName } from "./names.ts";

/** A file as a .changes or .dsc lists it. Digests are lower-case hex. */
export interface SourceFileEntry {
  readonly name: string;
  readonly sizeBytes: number;
  readonly md5: string;
  readonly sha1?: string | undefined;
  readonly sha256: string;
  /** Only in a .changes. */
  readonly section?: string | undefined;
  readonly priority?: string | undefined;
}

interface ListEntry {
  readonly name: string;
  readonly sizeBytes: number;
  readonly digest: string;
  readonly section?: string;
  readonly priority?: string;
}

interface ListShape {
  readonly fieldName: string;
  readonly digestLength: number;
  /** "digest size name", or with section and priority before the name. */
  readonly columns: 3 | 5;
}

/**
 * The files of Files and Checksums-*, which must agree in names and sizes. Throws CONTROL_DATA_INVALID,
 * FILE_NAME_INVALID, CHECKSUMS_MISSING (no SHA-256), CHECKSUMS_DISAGREE.
 */
export function parseSourceFiles(stanza: Stanza, kind: "changes" | "dsc", subject: string): SourceFileEntry[] {
  const files = parseList(stanza, { fieldName: "Files", digestLength: 32, columns: kind === "changes" ? 5 : 3 }, subject);
  const sha256 = parseChecksums(stanza, { fieldName: "Checksums-Sha256", digestLength: 64, columns: 3 }, subject);
  const sha1 = parseChecksums(stanza, { fieldName: "Checksums-Sha1", digestLength: 40, columns: 3 }, subject);
  if (sha256 === undefined) {
    throw invalid({
      code: "CHECKSUMS_MISSING",
      message: `${subject} has no Checksums-Sha256, and MD5 alone protects nothing`,
      hint: "Make it with dpkg-dev of Debian 6 or newer",
    });
  }

  checkAgreement(files, sha256, "Checksums-Sha256", subject);
  if (sha1 !== undefined) checkAgreement(files, sha1, "Checksums-Sha1", subject);
  return [...files.values()].map((file) => ({
    name: file.name,
    sizeBytes: file.sizeBytes,
    md5: file.digest,
    sha1: sha1?.get(file.name)?.digest,
    sha256: sha256.get(file.name)?.digest ?? "",
    section: file.section,
    priority: file.priority,
  }));
}

function parseChecksums(stanza: Stanza, shape: ListShape, subject: string): Map<string, ListEntry> | undefined {
  if (fieldValue(stanza, shape.fieldName) === undefined) return undefined;
  return parseList(stanza, shape, subject);
}

function parseList(stanza: Stanza, shape: ListShape, subject: string): Map<string, ListEntry> {
  const position = fieldPosition(stanza, shape.fieldName, { subject });
  const lines = requiredField(stanza, shape.fieldName, { subject }).split("\n");
  const entries = new Map<string, ListEntry>();
  for (const line of lines.filter((text) => text.trim() !== "")) {
    const entry = parseLine(line, shape, position);
    if (entries.has(entry.name)) {
      throw invalid({ code: "CONTROL_DATA_INVALID", message: `${position}: ${entry.name} is listed twice` });
    }
    entries.set(entry.name, entry);
  }

  if (entries.size <= defaultLimits.filesPerChangesMax) return entries;
  throw invalid({
    code: "CONTROL_DATA_TOO_LARGE",
    message: `${position}: there are ${entries.size} files, and at most ${defaultLimits.filesPerChangesMax} are allowed`,
  });
}

function parseLine(line: string, shape: ListShape, position: string): ListEntry {
  const words = line.trim().split(/[ \t]+/);
  const [digest = "", size = "", section, priority] = words;
  const isDigest = digest.length === shape.digestLength && /^[0-9a-fA-F]+$/.test(digest);
  const sizeBytes = Number(size);
  if (words.length !== shape.columns || !isDigest || !/^[0-9]{1,16}$/.test(size) || !Number.isSafeInteger(sizeBytes)) {
    throw invalid({ code: "CONTROL_DATA_INVALID", message: `${position}: ${quote(line.trim())} is no entry of this list` });
  }

  const entry = { name: checkFileName(words.at(-1) ?? ""), sizeBytes, digest: digest.toLowerCase() };
  return shape.columns === 3 ? entry : { ...entry, section: section ?? "-", priority: priority ?? "-" };
}

function checkAgreement(
  files: Map<string, ListEntry>,
  checksums: Map<string, ListEntry>,
  fieldName: string,
  subject: string,
): void {
  for (const name of new Set([...files.keys(), ...checksums.keys()])) {
    const [inFiles, inChecksums] = [files.get(name)?.sizeBytes, checksums.get(name)?.sizeBytes];
    if (inFiles === inChecksums) continue;

    const how = (sizeBytes: number | undefined): string =>
      sizeBytes === undefined ? "does not list it" : `says ${sizeBytes} bytes`;
    throw invalid({
      code: "CHECKSUMS_DISAGREE",
      message: `${subject} contradicts itself about ${name}: Files ${how(inFiles)}, ${fieldName} ${how(inChecksums)}`,
      hint: "Make the file again with dpkg-dev's tools instead of editing it",
    });
  }
}
