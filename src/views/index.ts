/**
 * views: read-only questions that join what several modules own: an upload with its builds and steps, what is on its
 * way, events for people, packages of a distribution, build logs. Writes nothing.
 *
 * Answers are plain JSON values (names with underscores, times as ISO 8601 text), the same for pages, their JSON
 * twins and the API.
 */
export { type BuildLogSource, type LogPiece, type LogTail, type ReadLogOptions, readBuildLog, readLogTail } from "./build-log.ts";
export type { ViewContext } from "./context.ts";
export { checkEventTypes, type EventsQuery, eventView, listEventViews } from "./events.ts";
export { findBuildLog, logFilePath } from "./find-log.ts";
export { type LogWindow, readLastLogLines, readLogLines } from "./log-lines.ts";
export { logText } from "./log-text.ts";
export { type OriginalEvent, type OriginalPlace, originalEvent } from "./original-event.ts";
export {
  type BinaryPackageView,
  countPackages,
  listPackages,
  type PackagePage,
  type PackageQuery,
  type PackageView,
} from "./packages.ts";
export { buildLogPath, logPagePath, pathOfId } from "./paths.ts";
export { searchSources } from "./search.ts";
export {
  nextDistribution,
  type ServedDistribution,
  type ServedExtraSource,
  type ServedRepository,
  servedRepositories,
} from "./served.ts";
export { changesPaths, findSourceLocations, type SourceLocation, type SourceSelection } from "./source-locations.ts";
export { type StyledText, styledLine } from "./styled-line.ts";
export {
  countLiveBuilds,
  listLiveUploads,
  listUploads,
  type UploadPage,
  type UploadQuery,
  type UploadSummary,
} from "./upload-lists.ts";
export { listUploaders } from "./uploaders.ts";
export { loadUpload } from "./uploads.ts";
