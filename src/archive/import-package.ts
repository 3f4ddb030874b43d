import { readFile } from "node:fs/promises";
import {
  checkPackageName,
  componentOfSection,
  type Dsc,
  fieldValue,
  isArchitectureName,
  parseDeb822Stanza,
  parseDsc,
  parseSourceField,
  parseVersion,
  requiredField,
  type Stanza,
  type Version,
} from "../formats/index.ts";
import { AppError, runChecked } from "../runtime/index.ts";
import type { ContentStore, ExpectedFile, PoolFile } from "./content-store.ts";

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
}

/** udebs have indexes of their own; a .ddeb is a .deb with debug symbols by Ubuntu's name. */
export type BinaryKind = "deb" | "udeb";

/** A .dsc in the content store. */
export interface ImportedDsc {
  readonly file: PoolFile;
  readonly dsc: Dsc;
}

const DPKG_DEB_TIMEOUT_MS = 60_000;

/** Like ContentStore.importFile for a binary package. What is read is what is stored. Also throws CONTROL_DATA_INVALID. */
export async function importBinary(store: ContentStore, path: string, expected: ExpectedFile): Promise<ImportedBinary> {
  const file = await store.importFile(path, expected);
  const printed = await runChecked({
    argv: ["dpkg-deb", "--field", store.pathOf(file.sha256)],
    timeoutMs: DPKG_DEB_TIMEOUT_MS,
  });
  return describeBinary(file, parseDeb822Stanza(printed.stdout, { subject: file.name }));
}

/** Like ContentStore.importFile for a .dsc; its files are imported one by one. Also throws what parseDsc throws. */
export async function importDsc(store: ContentStore, path: string, expected: ExpectedFile): Promise<ImportedDsc> {
  const file = await store.importFile(path, expected);
  return { file, dsc: parseDsc(await readFile(store.pathOf(file.sha256)), file.name) };
}

export function describeBinary(file: PoolFile, control: Stanza): ImportedBinary {
  const subject = { subject: file.name };
  const name = checkPackageName(requiredField(control, "Package", subject));
  const version = parseVersion(requiredField(control, "Version", subject));
  const architecture = requiredField(control, "Architecture", subject);
  if (!isArchitectureName(architecture)) throw invalidArchitecture(file.name, architecture);
  const { source, sourceVersion } = parseSourceField(fieldValue(control, "Source") ?? name);
  const section = fieldValue(control, "Section") ?? "misc";
  return {
    file,
    kind: file.name.endsWith(".udeb") ? "udeb" : "deb",
    name,
    version,
    architecture,
    source,
    sourceVersion: sourceVersion ?? version,
    section,
    component: componentOfSection(section),
    description: (fieldValue(control, "Description") ?? "").split("\n")[0] ?? "",
    control,
  };
}

function invalidArchitecture(fileName: string, architecture: string): AppError {
  return new AppError({
    kind: "invalid",
    code: "ARCHITECTURE_UNKNOWN",
    message: `${fileName} is for ${JSON.stringify(architecture)}, which is no architecture`,
  });
}
