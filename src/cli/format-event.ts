import type { EventView } from "../operations/index.ts";
import { printable } from "./table.ts";

/** One line for one event: time, what, about what, and why. */
export function formatEvent(event: EventView): string {
  const time = event.timestamp.replace("T", " ").replace(/\.\d+Z$/, "Z");
  const about = [event.source, event.version].filter((part) => part !== null).join(" ");
  const where = [event.distribution, event.architecture].filter((part) => part !== null).join(" ");
  const parts = [time, event.type.padEnd(17), about, where, detail(event)];
  return `${printable(parts.filter((part) => part !== "").join("  "))}\n`;
}

function detail({ data }: EventView): string {
  const transition = typeof data["to"] === "string" ? `${textOf(data["from"])}→ ${data["to"]}` : "";
  const step = typeof data["step"] === "string" ? `${data["step"]} ${textOf(data["type"])}${textOf(data["outcome"])}` : "";
  const reason = textOf(data["error"]) || textOf(data["reason"]) || textOf(data["note"]);
  return [transition, step.trim(), reason.trim()].filter((part) => part !== "").join("  ");
}

function textOf(value: unknown): string {
  return typeof value === "string" && value !== "" ? `${value} ` : "";
}
