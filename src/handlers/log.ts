import { log, logLevelLs, logLevelSet, type ResultOf } from "../operations/index.ts";
import { type LogFilter, parseLogLevel } from "../runtime/index.ts";
import { implement } from "./implementation.ts";
import type { LogActs } from "./log-acts.ts";

export const handleLog = implement(log, async (ctx, { lines, ...filter }) => ({
  lines: [...(await ctx.log.newest(logFilter(filter), lines))],
}));

export const handleLogLevelLs = implement(logLevelLs, (ctx) => levelsView(ctx.log));

export const handleLogLevelSet = implement(logLevelSet, (ctx, { level, module }) => {
  ctx.log.setLevel(level === "configured" ? undefined : parseLogLevel(level), module);
  return levelsView(ctx.log);
});

/** Throws LOG_LEVEL_UNKNOWN. */
export function logFilter({ level, ...rest }: LogArguments): LogFilter {
  return { ...rest, level: level === undefined ? undefined : parseLogLevel(level) };
}

interface LogArguments {
  readonly level: string | undefined;
  readonly module: string | undefined;
  readonly text: string | undefined;
}

function levelsView(acts: LogActs): ResultOf<typeof logLevelLs> {
  const levels = acts.levels().map(({ module, level, isConfigured }) => ({ module, level, configured: isConfigured }));
  return { levels, modules: [...acts.modules] };
}
