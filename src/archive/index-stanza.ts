import { hash } from "node:crypto";
import { type Dsc, fieldValue, formatDeb822, type Stanza } from "../formats/index.ts";
import type { PoolFile } from "./content-store.ts";

type Fields = (readonly [name: string, value: string])[];

/** Ours to say; a package must not say them. */
const BINARY_INDEX_FIELDS = ["filename", "size", "md5sum", "sha1", "sha256", "sha512", "status", "description-md5"];
/** With those that formatPackagesStanza puts at the end. */
const BINARY_FIELDS_APART = new Set([...BINARY_INDEX_FIELDS, "description"]);
const SOURCE_INDEX_FIELDS = ["source", "package", "directory", "files", "checksums-sha1", "checksums-sha256", "checksums-sha512"];
const SOURCE_FIELDS_APART = new Set([...SOURCE_INDEX_FIELDS, "section", "priority"]);

/** What a binary package has in the indexes. */
export interface BinaryStanzas {
  /** In Packages: its control fields, with the description's first line last, and where it is. */
  readonly packages: string;
  /** In Translation-en: the whole description. Empty where Packages has it (udebs, and without a description). */
  readonly translation: string;
}

/** As dak does: long descriptions are in Translation-en, found by the digest of the whole. */
export function formatBinaryStanzas(
  { name, kind, control }: { readonly name: string; readonly kind: string; readonly control: Stanza },
  file: PoolFile,
  path: string,
): BinaryStanzas {
  const description = fieldValue(control, "Description");
  if (kind === "udeb" || description === undefined) {
    const end: Fields = description === undefined ? [] : [["Description", description]];
    return { packages: formatPackagesStanza(control, file, path, end), translation: "" };
  }
  const digest = hash("md5", formatDeb822([["Description", description]]).slice("Description: ".length));
  const end: Fields = [
    ["Description", description.split("\n")[0] ?? ""],
    ["Description-md5", digest],
  ];
  const translation = formatDeb822([
    ["Package", name],
    ["Description-md5", digest],
    ["Description-en", description],
  ]);
  return { packages: formatPackagesStanza(control, file, path, end), translation };
}

function formatPackagesStanza(control: Stanza, file: PoolFile, path: string, end: Fields): string {
  const fields = fieldsExcept(control, BINARY_FIELDS_APART);
  return formatDeb822([
    ...fields,
    ["Filename", path],
    ["Size", String(file.sizeBytes)],
    ["MD5sum", file.md5],
    ["SHA1", file.sha1],
    ["SHA256", file.sha256],
    ...end,
  ]);
}

export interface SourcesStanzaInput {
  readonly dsc: Dsc;
  readonly section: string;
  /** Of the .dsc and of everything it lists, in this order. */
  readonly files: readonly PoolFile[];
  /** "pool/main/h/hello" */
  readonly directory: string;
}

/** The stanza of a source package in Sources: the .dsc's fields, with the .dsc among its files. */
export function formatSourcesStanza({ dsc, section, files, directory }: SourcesStanzaInput): string {
  const list = (digest: (file: PoolFile) => string): string =>
    files.map((file) => `\n${digest(file)} ${file.sizeBytes} ${file.name}`).join("");
  return formatDeb822([
    ["Package", dsc.source],
    ...fieldsExcept(dsc.stanza, SOURCE_FIELDS_APART),
    ["Section", section],
    ["Priority", dsc.priority ?? "optional"],
    ["Directory", directory],
    ["Files", list((file) => file.md5)],
    ["Checksums-Sha1", list((file) => file.sha1)],
    ["Checksums-Sha256", list((file) => file.sha256)],
  ]);
}

function fieldsExcept(stanza: Stanza, excluded: ReadonlySet<string>): Fields {
  const kept = [...stanza.fields].filter(([key]) => !excluded.has(key));
  return kept.map(([, field]) => [field.name, field.value]);
}
