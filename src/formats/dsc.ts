import { architectureMatches } from "./architecture.ts";
import { fieldPosition, fieldValue, parseSignedStanza, requiredField, type Stanza } from "./deb822.ts";
import { invalid, quote } from "./invalid.ts";
import { architecturesOf, packageNamesOfField } from "./name-lists.ts";
import { checkPackageName, isPackageName } from "./names.ts";
import { parseSourceFiles, type SourceFileEntry } from "./source-files.ts";
import { parseVersion, stripEpoch, type Version } from "./version.ts";

export type SourceFormat = "1.0" | "3.0 (quilt)" | "3.0 (native)";

/** A line of Package-List. */
export interface PackageListEntry {
  readonly name: string;
  /** "deb" or "udeb". */
  readonly type: string;
  readonly section: string;
  readonly priority: string;
  /** Architectures and wildcards; empty when the line does not say. */
  readonly architectures: readonly string[];
  /** Any of these terms; "+" joins what must hold together: "!noudeb+!stage1". */
  readonly profiles: readonly string[];
}

/** A source package's .dsc. */
export interface Dsc {
  readonly format: SourceFormat;
  readonly source: string;
  readonly version: Version;
  readonly maintainer: string | undefined;
  /** Names of the binary packages it may build. */
  readonly binaries: readonly string[];
  /** "any", "all", architectures and wildcards. */
  readonly architectures: readonly string[];
  /** Empty when made by a dpkg older than 1.16.4. */
  readonly packageList: readonly PackageListEntry[];
  /** Relations as text; parseRelations reads them. */
  readonly buildDepends: BuildRelations;
  /** Of the source, or of its first binary package. */
  readonly section: string | undefined;
  readonly priority: string | undefined;
  /** Tarballs, diff, signatures: without the .dsc itself. */
  readonly files: readonly SourceFileEntry[];
  readonly stanza: Stanza;
}

export interface BuildRelations {
  readonly depends: string;
  readonly dependsArch: string;
  readonly dependsIndep: string;
  readonly conflicts: string;
  readonly conflictsArch: string;
  readonly conflictsIndep: string;
}

const FORMATS: readonly string[] = ["1.0", "3.0 (quilt)", "3.0 (native)"] satisfies SourceFormat[];

/**
 * A .dsc, clearsigned or not; the signature is not verified. Throws what parseChanges throws, and
 * SOURCE_FORMAT_UNSUPPORTED.
 */
export function parseDsc(input: string | Uint8Array, subject = "the .dsc"): Dsc {
  const stanza = parseSignedStanza(input, { subject });
  const source = checkPackageName(requiredField(stanza, "Source", { subject }));
  const packageList = parsePackageList(stanza, subject);
  return {
    format: parseFormat(stanza, subject),
    source,
    version: parseVersion(requiredField(stanza, "Version", { subject })),
    maintainer: fieldValue(stanza, "Maintainer"),
    binaries: packageNamesOfField(stanza, "Binary", { subject }),
    architectures: architecturesOf(stanza, { subject }),
    packageList,
    buildDepends: buildRelations(stanza),
    section: fieldValue(stanza, "Section") ?? packageList[0]?.section,
    priority: fieldValue(stanza, "Priority") ?? packageList[0]?.priority,
    files: checkNames(parseSourceFiles(stanza, "dsc", subject), source, subject),
    stanza,
  };
}

/** Whether a build for this architecture (never "all") has an architecture-dependent package to make. */
export function buildsForArchitecture(dsc: Dsc, architecture: string): boolean {
  return dsc.architectures.some((wildcard) => wildcard !== "all" && architectureMatches(architecture, wildcard));
}

/** Whether it has arch:all packages. */
export function buildsAll(dsc: Dsc): boolean {
  return dsc.architectures.includes("all");
}

/** `hello_2.10-3.dsc`. */
export function dscFileName(source: string, version: Version): string {
  return `${source}_${stripEpoch(version)}.dsc`;
}

export type SourceFileKind = "orig" | "orig-component" | "debian" | "diff" | "native" | "signature";

/** What a file of a .dsc is, by its name; undefined for none of them. */
export function sourceFileKind(name: string): SourceFileKind | undefined {
  if (name.endsWith(".asc")) return "signature";
  if (name.endsWith(".diff.gz")) return "diff";
  const [, part] = /(\.orig(?:-[A-Za-z0-9-]+)?|\.debian)?\.tar\.(?:gz|bz2|xz|lzma)$/.exec(name) ?? ["", null];
  if (part === null) return undefined;
  if (part === undefined) return "native";
  return part === ".debian" ? "debian" : part === ".orig" ? "orig" : "orig-component";
}

function parseFormat(stanza: Stanza, subject: string): SourceFormat {
  const format = requiredField(stanza, "Format", { subject });
  if (FORMATS.includes(format)) return format as SourceFormat;

  throw invalid({
    code: "SOURCE_FORMAT_UNSUPPORTED",
    message: `${subject} has the source format ${quote(format)}, which cannot be built here`,
    hint: `Use one of ${FORMATS.join(", ")} in debian/source/format`,
  });
}

/** Each line: name, type, section, priority, then key=value. Lines of white space occur and mean nothing. */
function parsePackageList(stanza: Stanza, subject: string): PackageListEntry[] {
  const lines = (fieldValue(stanza, "Package-List") ?? "").split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => {
    const [name = "", type = "", section, priority, ...options] = line.trim().split(/[ \t]+/);
    if (!isPackageName(name) || section === undefined || priority === undefined) {
      const position = fieldPosition(stanza, "Package-List", { subject });
      throw invalid({ code: "CONTROL_DATA_INVALID", message: `${position}: ${quote(line.trim())} is no entry of this list` });
    }
    const option = (key: string): string => options.find((text) => text.startsWith(`${key}=`))?.slice(key.length + 1) ?? "";
    return {
      name,
      type,
      section,
      priority,
      architectures: splitOption(option("arch")),
      profiles: splitOption(option("profile")),
    };
  });
}

function splitOption(text: string): string[] {
  return text.split(",").filter((word) => word !== "");
}

function buildRelations(stanza: Stanza): BuildRelations {
  const relation = (fieldName: string): string => fieldValue(stanza, fieldName) ?? "";
  return {
    depends: relation("Build-Depends"),
    dependsArch: relation("Build-Depends-Arch"),
    dependsIndep: relation("Build-Depends-Indep"),
    conflicts: relation("Build-Conflicts"),
    conflictsArch: relation("Build-Conflicts-Arch"),
    conflictsIndep: relation("Build-Conflicts-Indep"),
  };
}

/** dpkg-source takes only files of its own package; others would land in our pool under a foreign name. */
function checkNames(files: SourceFileEntry[], source: string, subject: string): SourceFileEntry[] {
  const foreign = files.find((file) => !file.name.startsWith(`${source}_`) || sourceFileKind(file.name) === undefined);
  if (foreign === undefined) return files;

  throw invalid({
    code: "CONTROL_DATA_INVALID",
    message: `${subject} lists ${foreign.name}, which is no file of the source package ${source}`,
  });
}
