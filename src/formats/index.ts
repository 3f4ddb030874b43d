/**
 * formats: Debian's file formats and names, as values. Bytes in, values out; knows no database and no network.
 * Only the .deb reader and readControlFile touch files: it streams from a path; gzip and zstd by node:zlib, xz, lzma and bzip2 by the
 * programs. Its tar reader is its own: dpkg's dialect only, with bounded names, where a general one buffers what a
 * hostile header announces.
 *
 * Terms: a *stanza* is one paragraph of deb822 control data; a *relation* one package with constraints, a
 * *dependency* its alternatives; a *distribution name* is `CODENAME-REPOSITORYID-SUITE`.
 *
 * Invariants: every input is hostile. A parser returns a value that keeps the grammar it promises, or throws an
 * AppError of kind "invalid" that says where; it never repairs. File names that leave this module match
 * `^[A-Za-z0-9][A-Za-z0-9+.~_:-]*$`. Signatures are not verified here: that is keyring's.
 */

export { architectureListMatches, architectureMatches, isKnownArchitecture, knownArchitectures } from "./architecture.ts";
export { type Buildinfo, type InstalledPackage, parseBuildinfo } from "./buildinfo.ts";
export { type ChangelogEntry, parseChangelog } from "./changelog.ts";
export { buildFileName, type Changes, findDscEntry, isSourceOnly, parseChanges, parseSourceField } from "./changes.ts";
export { type ClearsignedText, splitClearsigned } from "./clearsigned.ts";
export { formatReleaseDate, parseDate, tryParseDate } from "./dates.ts";
export {
  type Deb,
  type DebControl,
  type DebFile,
  type ReadDebOptions,
  readDeb,
  readDebControl,
} from "./deb/read-deb.ts";
export {
  type Deb822Field,
  type Deb822Options,
  fieldPosition,
  fieldValue,
  formatDeb822,
  parseDeb822Stanza,
  parseDeb822Stanzas,
  parseSignedStanza,
  requiredField,
  type Stanza,
} from "./deb822.ts";
export {
  type DistributionName,
  formatDistributionName,
  isCodename,
  isRepositoryId,
  isSuiteName,
  parseDistributionName,
  tryParseDistributionName,
} from "./distribution.ts";
export {
  type BuildRelations,
  buildsAll,
  buildsForArchitecture,
  type Dsc,
  dscFileName,
  type PackageListEntry,
  parseDsc,
  type SourceFileKind,
  type SourceFormat,
  sourceFileKind,
} from "./dsc.ts";
export {
  checkFileName,
  checkPackageName,
  componentOfSection,
  isArchitectureName,
  isFileName,
  isPackageName,
  poolDirectory,
  poolPrefix,
} from "./names.ts";
export { checkControlFileSize, readControlFile } from "./read-control-file.ts";
export {
  type Dependency,
  formatRelations,
  parseRelations,
  type Relation,
  type RelationContext,
  type RelationOperator,
  reduceRelations,
  versionSatisfies,
} from "./relations.ts";
export { readSourceControl } from "./source-control.ts";
export type { SourceFileEntry } from "./source-files.ts";
export {
  compareVersions,
  isVersion,
  parseVersion,
  stripEpoch,
  upstreamVersion,
  type Version,
  type VersionParts,
  versionParts,
} from "./version.ts";
