import { fieldPosition, fieldValue, parseSignedStanza, requiredField, type Stanza } from "./deb822.ts";
import { invalid, quote } from "./invalid.ts";
import { architecturesOf, packageNamesOfField, wordsOfField } from "./name-lists.ts";
import { checkFileName, checkPackageName } from "./names.ts";
import { parseSourceFiles, type SourceFileEntry } from "./source-files.ts";
import { parseVersion, stripEpoch, type Version } from "./version.ts";

/** An upload's .changes. */
export interface Changes {
  /** Name of the source package. */
  readonly source: string;
  /** Of the upload; for a binNMU that of the binary packages. */
  readonly version: Version;
  /** Of the source package: differs from `version` only when Source says so, as a binNMU's does. */
  readonly sourceVersion: Version;
  /** As written; not necessarily one of ours. */
  readonly distribution: string;
  /** "source", "all" and real architectures. */
  readonly architectures: readonly string[];
  /** Names of binary packages; empty in a source-only upload; never names dbgsym packages. */
  readonly binaries: readonly string[];
  readonly urgency: string | undefined;
  readonly maintainer: string | undefined;
  readonly changedBy: string | undefined;
  readonly date: string | undefined;
  /** The changelog entries, header lines included. */
  readonly changes: string;
  /** Numbers of the bugs it closes. */
  readonly closes: readonly string[];
  /** A binNMU. */
  readonly isBinaryOnly: boolean;
  readonly files: readonly SourceFileEntry[];
  /** All fields, for those not named here. */
  readonly stanza: Stanza;
}

/**
 * A .changes, clearsigned or the text inside. Does not verify the signature. Throws CONTROL_DATA_INVALID,
 * CONTROL_DATA_TOO_LARGE, CLEARSIGNED_INVALID, VERSION_INVALID, PACKAGE_NAME_INVALID, FILE_NAME_INVALID,
 * CHECKSUMS_MISSING, CHECKSUMS_DISAGREE.
 */
export function parseChanges(input: string | Uint8Array, subject = "the .changes"): Changes {
  const stanza = parseSignedStanza(input, { subject });
  const { source, sourceVersion } = parseSourceField(requiredField(stanza, "Source", { subject }));
  const version = parseVersion(requiredField(stanza, "Version", { subject }));
  return {
    source,
    version,
    sourceVersion: sourceVersion ?? version,
    distribution: parseDistribution(stanza, subject),
    architectures: architecturesOf(stanza, { subject }),
    binaries: packageNamesOfField(stanza, "Binary", { subject }),
    urgency: fieldValue(stanza, "Urgency")?.toLowerCase(),
    maintainer: fieldValue(stanza, "Maintainer"),
    changedBy: fieldValue(stanza, "Changed-By"),
    date: fieldValue(stanza, "Date"),
    changes: (fieldValue(stanza, "Changes") ?? "").replace(/^\n/, ""),
    closes: wordsOfField(stanza, "Closes"),
    isBinaryOnly: fieldValue(stanza, "Binary-Only")?.toLowerCase() === "yes",
    files: parseSourceFiles(stanza, "changes", subject),
    stanza,
  };
}

/** The one .dsc it lists; undefined in an upload of binary packages only. */
export function findDscEntry(changes: Changes): SourceFileEntry | undefined {
  return changes.files.find((file) => file.name.endsWith(".dsc"));
}

/** It has a source and no binary package. */
export function isSourceOnly(changes: Changes): boolean {
  return changes.architectures.every((architecture) => architecture === "source");
}

/** "foo" and "1.0-1" of `Source: foo (1.0-1)`. Throws PACKAGE_NAME_INVALID, VERSION_INVALID. */
export function parseSourceField(text: string): { source: string; sourceVersion: Version | undefined } {
  const [, name, version] = /^([^ \t()]+)[ \t]*(?:\(([^()]*)\))?$/.exec(text.trim()) ?? [];
  const source = checkPackageName(name ?? text);
  return { source, sourceVersion: version === undefined ? undefined : parseVersion(version.trim()) };
}

/** `hello_2.10-3_amd64.changes`: how the tools name the files of one build of a source package. */
export function buildFileName(source: string, version: Version, rest: string): string {
  return checkFileName(`${source}_${stripEpoch(version)}${rest}`);
}

function parseDistribution(stanza: Stanza, subject: string): string {
  const text = requiredField(stanza, "Distribution", { subject });
  if (/^[A-Za-z0-9][A-Za-z0-9+.~/-]*$/.test(text) && text.length <= 200) return text;

  const position = fieldPosition(stanza, "Distribution", { subject });
  throw invalid({
    code: "CONTROL_DATA_INVALID",
    message: `${position}: ${quote(text)} is not the name of one distribution`,
    hint: "Upload to one distribution at a time",
  });
}
