import type { LogLineView, log, logLevelLs, ResultOf } from "../operations/index.ts";
import { formatTable, printable } from "./table.ts";

export function formatLog({ lines }: ResultOf<typeof log>): string {
  return lines.map(formatLogLine).join("") || "no such lines\n";
}

/** One line for one line; what others sent cannot begin a new one. */
export function formatLogLine({ time, level, module, message, fields }: LogLineView): string {
  const facts = Object.entries(fields).map(([name, value]) => `${name}=${fieldText(value)}`);
  const text = [time, level.toUpperCase().padEnd(5), `${module}:`, message, ...facts].join(" ");
  return `${printable(text.replaceAll(/[\n\t]/g, " "))}\n`;
}

function fieldText(value: unknown): string {
  return typeof value === "string" && /^[^\s"]+$/.test(value) ? value : JSON.stringify(value);
}

export function formatLogLevels({ levels, modules }: ResultOf<typeof logLevelLs>): string {
  const rows = levels.map(({ module, level, configured }) => [
    module ?? "all others",
    level,
    configured ? "as configured" : "until the next start",
  ]);
  return `${formatTable(["module", "level", ""], rows)}\nmodules: ${modules.join(", ")}\n`;
}
