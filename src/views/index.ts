export { type BuildLogSource, type LogPiece, type LogTail, type ReadLogOptions, readBuildLog, readLogTail } from "./build-log.ts";
export { logText, safeLength } from "./log-text.ts";
