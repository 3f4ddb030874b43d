import { parseSourceField } from "./changes.ts";
import { fieldPosition, fieldValue, parseSignedStanza, requiredField, type Stanza } from "./deb822.ts";
import { invalid } from "./invalid.ts";
import { architecturesOf, packageNamesOfField } from "./name-lists.ts";
import { parseRelations } from "./relations.ts";
import { parseVersion, type Version } from "./version.ts";

export interface InstalledPackage {
  readonly name: string;
  /** Only written for packages of a foreign architecture. */
  readonly architecture: string | undefined;
  readonly version: Version;
}

/** The record of one build: what came out, and what was installed meanwhile. */
export interface Buildinfo {
  readonly source: string;
  readonly version: Version;
  readonly sourceVersion: Version;
  readonly binaries: readonly string[];
  readonly architectures: readonly string[];
  readonly buildArchitecture: string | undefined;
  readonly buildDate: string | undefined;
  readonly installedBuildDepends: readonly InstalledPackage[];
  readonly stanza: Stanza;
}

/** A .buildinfo, clearsigned or not. Throws CONTROL_DATA_INVALID, RELATION_INVALID and what they throw. */
export function parseBuildinfo(input: string | Uint8Array, subject = "the .buildinfo"): Buildinfo {
  const stanza = parseSignedStanza(input, { subject });
  const { source, sourceVersion } = parseSourceField(requiredField(stanza, "Source", { subject }));
  const version = parseVersion(requiredField(stanza, "Version", { subject }));
  return {
    source,
    version,
    sourceVersion: sourceVersion ?? version,
    binaries: packageNamesOfField(stanza, "Binary", { subject }),
    architectures: architecturesOf(stanza, { subject }),
    buildArchitecture: fieldValue(stanza, "Build-Architecture"),
    buildDate: fieldValue(stanza, "Build-Date"),
    installedBuildDepends: parseInstalled(stanza, subject),
    stanza,
  };
}

/** Each entry is `name (= version)` and nothing else. */
function parseInstalled(stanza: Stanza, subject: string): InstalledPackage[] {
  const dependencies = parseRelations(fieldValue(stanza, "Installed-Build-Depends") ?? "");
  return dependencies.map(([relation, alternative]) => {
    if (relation?.constraint?.operator === "=" && alternative === undefined) {
      return { name: relation.name, architecture: relation.qualifier, version: relation.constraint.version };
    }
    const position = fieldPosition(stanza, "Installed-Build-Depends", { subject });
    throw invalid({ code: "CONTROL_DATA_INVALID", message: `${position}: ${relation?.name} has no single exact version` });
  });
}
