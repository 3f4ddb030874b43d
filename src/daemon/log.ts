import { join } from "node:path";
import type { LogActs } from "../handlers/index.ts";
import {
  AppError,
  createLogger,
  KeptLog,
  type Logger,
  LogLevels,
  makeDirectory,
  monotonicMs,
  RotatedFile,
} from "../runtime/index.ts";
import type { Config } from "./config.ts";
import { LOG_MODULES } from "./log-modules.ts";

/** What is logged, and where. */
export interface DaemonLog {
  readonly logger: Logger;
  readonly levels: LogLevels;
  /** The same lines in HOME/var/log/daemon.log; undefined: they go to standard error only. */
  readonly kept: KeptLog | undefined;
  /** HOME/var/log/access.log; undefined: requests are not logged. */
  readonly access: RotatedFile | undefined;
}

/** A disk that takes nothing loses many lines: told once in so long. */
const LOSS_REPORT_INTERVAL_MS = 60_000;

/** Its files are written once `startLog` was called: only the owner of the home's lock may. */
export function makeLog({ log, limits, home }: Pick<Config, "log" | "limits" | "home">): DaemonLog {
  const levels = new LogLevels(log);
  const rotated = (name: string, sizeBytesMax: number, filesMax: number) => ({
    path: join(logDirectory(home), name),
    sizeBytesMax,
    filesMax,
    onLoss: rarely((lost, error) => logger.warn("lines of a log could not be written", { file: name, lost, error })),
  });
  const kept = log.keep ? new KeptLog(rotated("daemon.log", limits.daemonLogSizeBytesMax, limits.daemonLogFilesMax)) : undefined;
  const access = log.access
    ? new RotatedFile(rotated("access.log", limits.accessLogSizeBytesMax, limits.accessLogFilesMax))
    : undefined;
  const logger: Logger = createLogger(levels, { keep: kept && ((line) => kept.append(line)) });
  return { logger, levels, kept, access };
}

export async function startLog({ kept, access }: DaemonLog, home: string): Promise<void> {
  await makeDirectory(logDirectory(home), 0o750);
  kept?.start();
  access?.start();
}

/** Write what still waits. */
export async function flushLog({ kept, access }: DaemonLog): Promise<void> {
  await Promise.all([kept?.flush(), access?.flush()]);
}

/** What operations ask of it. */
export function logActs({ levels, kept }: DaemonLog): LogActs {
  const requireKept = (): KeptLog => {
    if (kept === undefined) throw notKept();
    return kept;
  };
  return {
    modules: LOG_MODULES,
    levels: () => levels.list(),
    setLevel: (level, module) => {
      if (module !== undefined) requireModule(module);
      levels.set(level, module);
    },
    newest: (filter, countMax) => requireKept().newest(filter, countMax),
    follow: (filter, signal) => requireKept().follow(filter, signal),
  };
}

function logDirectory(home: string): string {
  return join(home, "var", "log");
}

function rarely(tell: (lost: number, error: unknown) => void): (lost: number, error: unknown) => void {
  let lostSince = 0;
  let toldMs = Number.NEGATIVE_INFINITY;
  return (lost, error) => {
    lostSince += lost;
    if (monotonicMs() - toldMs < LOSS_REPORT_INTERVAL_MS) return;

    toldMs = monotonicMs();
    const total = lostSince;
    lostSince = 0;
    tell(total, error);
  };
}

function requireModule(module: string): void {
  if ((LOG_MODULES as readonly string[]).includes(module)) return;

  throw new AppError({
    kind: "not-found",
    code: "LOG_MODULE_UNKNOWN",
    message: `no module ${JSON.stringify(module.slice(0, 100))} writes to the log`,
    hint: `Modules are: ${LOG_MODULES.join(", ")}`,
  });
}

function notKept(): AppError {
  return new AppError({
    kind: "conflict",
    code: "LOG_NOT_KEPT",
    message: "this instance keeps no log of its own: its lines go to standard error only",
    hint: "Look where that goes (journalctl -u mini-buildd), or set keep = true in [log] of etc/mini-buildd.toml",
  });
}
