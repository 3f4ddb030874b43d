/**
 * rules: what may be uploaded where, and what uploaders may ask for. Pure.
 *
 * Terms: a *layout* is the suites of a repository and its version rule; a *suite* a stage with its rules; *upload
 * options* are wishes in the changelog; a *problem* is a reason to refuse.
 *
 * Invariants: checks return all problems at once and throw nothing for an uploader's sake. A layout passed here has
 * passed checkLayout. Suites that hold migrated packages take no uploads, so a migration is never overtaken.
 */

export { checkLayout } from "./check-layout.ts";
export { type CodeversionInput, codeversion } from "./codeversion.ts";
export {
  aptPriority,
  builtInLayouts,
  debianDeveloperLayout,
  defaultLayout,
  defaultNoRollbacksLayout,
  defaultVersionRules,
  findSuite,
  type Layout,
  rollbackCount,
  type SuiteRules,
} from "./layout.ts";
export { type PortedVersion, portedVersion } from "./port-version.ts";
export type { Problem } from "./problem.ts";
export {
  formatUploadOptions,
  type OptionValues,
  optionsForArchitecture,
  type ParsedUploadOptions,
  parseUploadOptions,
  QA_MODES,
  type QaMode,
  type UploadOptions,
} from "./upload-options.ts";
export { checkVersionPolicy, portSuffix, rebuiltSuffix, type VersionTarget } from "./version-policy.ts";
