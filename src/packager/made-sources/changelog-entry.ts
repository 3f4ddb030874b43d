import type { OwnUploads } from "../packager-context.ts";
import type { MadeSource } from "./made-source.ts";
import { optionLine } from "./plan-port.ts";

/** The entry that a port puts on top of the changelog. Made of the row alone, so that a second run writes the same. */
export function changelogEntry(own: OwnUploads, made: MadeSource, options: readonly string[]): string {
  const { source, version, distribution, request } = made;
  const from = request.kind === "external-port" ? request.dscUrl : request.kind === "port" ? request.of : "";
  const what =
    request.kind === "external-port" || request.kind === "port" ? `No-changes port of ${from}.` : "Made by mini-buildd.";
  return [
    `${source} (${version}) ${distribution}; urgency=medium`,
    "",
    `  * ${what}`,
    ...options.map(optionLine),
    "",
    ` -- ${ownMaintainer(own)}  ${changelogDate(made.createdAt)}`,
    "",
    "",
  ].join("\n");
}

/** This instance as the one who made it. */
export function ownMaintainer({ identity, hostname }: Pick<OwnUploads, "identity" | "hostname">): string {
  return `mini-buildd ${identity} <mini-buildd@${hostname}>`;
}

/** `Sun, 22 Nov 2026 13:44:31 +0000` */
export function changelogDate(date: Date): string {
  return date.toUTCString().replace(/GMT$/, "+0000");
}
