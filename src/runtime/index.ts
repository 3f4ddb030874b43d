/**
 * runtime: what every module stands on: errors, clock, logger, limits, subprocesses, atomic files.
 * It knows nothing of Debian and imports no other module.
 *
 * Invariants: no shell is ever started; nothing is inherited from our environment; only `clock.ts` asks for the
 * time; a file written here is durable when the call returns.
 */

export { type Clock, ManualClock, monotonicMs, systemClock } from "./clock.ts";
export { collectGarbage } from "./collect-garbage.ts";
export { collectSooner } from "./collect-sooner.ts";
export type { FileHashes } from "./digest-set.ts";
export { hashBytes } from "./digest-set.ts";
export { AppError, type AppErrorInit, asAppError, assert, type ErrorFacts, type ErrorKind, errorChain } from "./errors.ts";
export { FileSystemSyncer } from "./file-system-syncer.ts";
export { freeSpaceBytes, makeDirectory, syncDirectory, syncFileSystem, writeFileAtomically } from "./files.ts";
export { type FilterOptions, filterThrough } from "./filter.ts";
export { hashFile } from "./hash-file.ts";
export { KeptLog, type LogFilter, type LogLine } from "./kept-log.ts";
export { defaultLimits, fixedLimits, type Limits, shareLimits } from "./limits.ts";
export { isAddressMissing, listenOnPort } from "./listen.ts";
export { type ConfiguredLevels, LOG_LEVELS, type LogLevel, LogLevels, type ModuleLevel, parseLogLevel } from "./log-levels.ts";
export { createLogger, type LogFields, type Logger, silentLogger } from "./logger.ts";
export { availableMemoryBytes } from "./memory.ts";
export { ModuleProcess, serveParent } from "./module-process.ts";
export { normaliseAddress, quotaKeyOf } from "./peer-address.ts";
export { collectAtRest } from "./rest-collector.ts";
export { RotatedFile } from "./rotated-file.ts";
export {
  type CommandOptions,
  commandError,
  type EndedCommand,
  type EndReason,
  killGroup,
  minimalEnvironment,
  runChecked,
  runCommand,
} from "./subprocess.ts";
