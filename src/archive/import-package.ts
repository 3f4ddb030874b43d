import {
  componentOfSection,
  type Dsc,
  fieldValue,
  parseDsc,
  type ReadDebOptions,
  readControlFile,
  readDeb,
  type Stanza,
  type Version,
} from "../formats/index.ts";
import type { ContentStore, ExpectedFile, PoolFile } from "./content-store.ts";
import { formatPathList } from "./contents-lists.ts";

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
  readonly control: Stanza;
  /** See formatPathList. */
  readonly paths: Buffer;
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
  const { control, files } = await readDeb(store.pathOf(file.sha256), options);
  const section = control.section ?? "misc";
  return {
    file,
    kind: file.name.endsWith(".udeb") ? "udeb" : "deb",
    name: control.packageName,
    version: control.version,
    architecture: control.architecture,
    source: control.source,
    sourceVersion: control.sourceVersion,
    section,
    component: componentOfSection(section),
    description: (fieldValue(control.stanza, "Description") ?? "").split("\n")[0] ?? "",
    control: control.stanza,
    paths: formatPathList(files),
  };
}

/** Like ContentStore.importFile for a .dsc; its files are imported one by one. Also throws what readControlFile and parseDsc throw. */
export async function importDsc(store: ContentStore, path: string, expected: ExpectedFile): Promise<ImportedDsc> {
  const file = await store.importFile(path, expected);
  return { file, dsc: parseDsc(await readControlFile(store.pathOf(file.sha256), file.name), file.name) };
}
