import { z } from "zod";
import { LOG_LEVELS } from "../runtime/index.ts";
import { defineOperation, type Operation } from "./operation.ts";
import { integer, optionalText, requiredText } from "./parameter.ts";

const logLineView = z.object({
  time: z.string(),
  level: z.enum(LOG_LEVELS),
  module: z.string(),
  message: z.string(),
  fields: z.record(z.string(), z.unknown()),
});
export type LogLineView = z.infer<typeof logLineView>;

export const log = defineOperation({
  name: "log",
  summary: "Show the newest lines of the daemon's own log",
  access: "admin",
  parameters: {
    lines: integer("So many", { short: "n", default: 100, min: 1, max: 5_000 }),
    level: optionalText(`Only this level and graver ones: ${LOG_LEVELS.slice(0, -1).join(", ")}`, { short: "l" }),
    module: optionalText("Only lines of this module; log_level_ls shows them", { short: "m" }),
    text: optionalText("Only lines that have this in them, in any case", { short: "t" }),
  },
  result: z.object({ lines: z.array(logLineView) }),
  example: { lines: "20", level: "warn" },
});

/** `module` is null for all modules that have no level of their own. */
const logLevelsView = z.object({
  levels: z.array(z.object({ module: z.string().nullable(), level: z.enum(LOG_LEVELS), configured: z.boolean() })),
  modules: z.array(z.string()),
});

export const logLevelLs = defineOperation({
  name: "log_level_ls",
  summary: "Show what the daemon logs, in all and of single modules",
  access: "admin",
  parameters: {},
  result: logLevelsView,
});

export const logLevelSet = defineOperation({
  name: "log_level_set",
  summary: "Log more or less, until the next start of the program",
  access: "admin",
  changesState: true,
  parameters: {
    level: requiredText(`${LOG_LEVELS.join(", ")}; or configured: as etc/mini-buildd.toml says`, { positional: true }),
    module: optionalText("Only of this module", { short: "m" }),
  },
  result: logLevelsView,
  example: { level: "debug", module: "http" },
});

/** In the order that help shows them. */
export const logOperations: readonly Operation[] = [log, logLevelLs, logLevelSet];
