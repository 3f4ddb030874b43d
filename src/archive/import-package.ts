import {
  componentOfSection,
  type Deb,
  type DebControl,
  type Dsc,
  fieldValue,
  parseDsc,
  poolDirectory,
  type ReadDebOptions,
  readControlFile,
  readDeb,
  stripEpoch,
  type Version,
} from "../formats/index.ts";
import type { ContentStore, ExpectedFile, PoolFile } from "./content-store.ts";
import { formatPathList } from "./contents-lists.ts";
import { type BinaryStanzas, formatBinaryStanzas } from "./index-stanza.ts";

/** A .deb, .udeb or .ddeb in the content store, with what its control file says. */
export interface ImportedBinary {
  readonly file: PoolFile;
  readonly kind: BinaryKind;
  readonly name: string;
  readonly version: Version;
  readonly architecture: string;
  readonly source: string;
  readonly sourceVersion: Version;
  readonly section: string;
  readonly component: string;
  /** The first line. */
  readonly description: string;
  /** Below a repository. */
  readonly path: string;
  readonly stanzas: BinaryStanzas;
  /** See formatPathList. */
  readonly contents: Uint8Array;
}

/** udebs have indexes of their own; a .ddeb is a .deb with debug symbols by Ubuntu's name. */
type BinaryKind = "deb" | "udeb";

/** A .dsc in the content store. */
export interface ImportedDsc {
  readonly file: PoolFile;
  readonly dsc: Dsc;
}

/**
 * Like ContentStore.importFile for a binary package. What is read is what is stored. Throws also what readDeb
 * throws: DEB_INVALID, DEB_TOO_LARGE, CONTROL_DATA_INVALID.
 */
export async function importBinary(
  store: ContentStore,
  path: string,
  expected: ExpectedFile,
  options: ReadDebOptions = {},
): Promise<ImportedBinary> {
  const file = await store.importFile(path, expected);
  return describeBinary(file, await readDeb(store.pathOf(file.sha256), options));
}

/** What the archive has to know of a binary package in its store. */
export function describeBinary(file: PoolFile, { control, files }: Deb): ImportedBinary {
  const section = control.section ?? "misc";
  const component = componentOfSection(section);
  const kind = file.name.endsWith(".udeb") ? "udeb" : "deb";
  const path = `${poolDirectory(component, control.source)}/${binaryFileName(control, file.name)}`;
  return {
    file,
    kind,
    name: control.packageName,
    version: control.version,
    architecture: control.architecture,
    source: control.source,
    sourceVersion: control.sourceVersion,
    section,
    component,
    description: (fieldValue(control.stanza, "Description") ?? "").split("\n")[0] ?? "",
    path,
    stanzas: formatBinaryStanzas({ name: control.packageName, kind, control: control.stanza }, file, path),
    contents: formatPathList(files),
  };
}

/** From the control file, whatever the file was called. */
function binaryFileName({ packageName, version, architecture }: DebControl, fileName: string): string {
  const extension = fileName.slice(fileName.lastIndexOf(".") + 1);
  return `${packageName}_${stripEpoch(version)}_${architecture}.${["udeb", "ddeb"].includes(extension) ? extension : "deb"}`;
}

/** Like ContentStore.importFile for a .dsc; its files are imported one by one. Also throws what readControlFile and parseDsc throw. */
export async function importDsc(store: ContentStore, path: string, expected: ExpectedFile): Promise<ImportedDsc> {
  const file = await store.importFile(path, expected);
  return { file, dsc: parseDsc(await readControlFile(store.pathOf(file.sha256), file.name), file.name) };
}
