import { type Dsc, fieldValue, formatDeb822, type Stanza } from "../formats/index.ts";
import type { PoolFile } from "./content-store.ts";

type Fields = (readonly [name: string, value: string])[];

/** Ours to say; a package must not say them. */
const BINARY_INDEX_FIELDS = ["filename", "size", "md5sum", "sha1", "sha256", "sha512", "status", "description-md5"];
const SOURCE_INDEX_FIELDS = ["source", "package", "directory", "files", "checksums-sha1", "checksums-sha256", "checksums-sha512"];

/** The stanza of a binary package in Packages: its control fields, with the description last, and where it is. */
export function formatPackagesStanza(control: Stanza, file: PoolFile, path: string): string {
  const fields = fieldsExcept(control, [...BINARY_INDEX_FIELDS, "description"]);
  const description = fieldValue(control, "Description");
  return formatDeb822([
    ...fields,
    ["Filename", path],
    ["Size", String(file.sizeBytes)],
    ["MD5sum", file.md5],
    ["SHA1", file.sha1],
    ["SHA256", file.sha256],
    ...(description === undefined ? [] : [["Description", description] as const]),
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
    ...fieldsExcept(dsc.stanza, [...SOURCE_INDEX_FIELDS, "section", "priority"]),
    ["Section", section],
    ["Priority", dsc.priority ?? "optional"],
    ["Directory", directory],
    ["Files", list((file) => file.md5)],
    ["Checksums-Sha1", list((file) => file.sha1)],
    ["Checksums-Sha256", list((file) => file.sha256)],
  ]);
}

function fieldsExcept(stanza: Stanza, excluded: readonly string[]): Fields {
  const kept = [...stanza.fields].filter(([key]) => !excluded.includes(key));
  return kept.map(([, field]) => [field.name, field.value]);
}
