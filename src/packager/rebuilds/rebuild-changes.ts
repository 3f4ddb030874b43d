import type { PlacedFile } from "../../archive/index.ts";
import { buildFileName, type Changes, fieldValue, formatDeb822, type Version } from "../../formats/index.ts";
import { changelogDate } from "../made-sources/changelog-entry.ts";
import { optionLine } from "../made-sources/plan-port.ts";

/** What a binNMU is asked for with. */
export interface RebuildOrder {
  readonly source: string;
  readonly sourceVersion: Version;
  /** `1.0-1+b1` */
  readonly version: Version;
  readonly distribution: string;
  readonly architectures: readonly string[];
  /** One line. */
  readonly reason: string;
  /** Upload options, as in a changelog. */
  readonly options: readonly string[];
  readonly files: readonly PlacedFile[];
  readonly section: string;
  readonly maintainer: string;
  readonly at: Date;
}

const REASON_FIELD = "Rebuild-Reason";

/**
 * The .changes that a binNMU is kept as. Nobody sent it and nobody signed it: it says in the words of the field what is to
 * be built, from which files of the pool, and with which options of the upload that brought the source.
 */
export function rebuildChangesText(order: RebuildOrder): string {
  const { source, sourceVersion, version, distribution, files, maintainer, section } = order;
  const lines = (line: (file: PlacedFile) => string): string => `\n${files.map(line).join("\n")}`;
  const changes = [
    `${source} (${version}) ${distribution}; urgency=low, binary-only=yes`,
    "",
    "  * Binary-only non-maintainer upload; no source changes.",
    // Never at the beginning, where it could be read as an option.
    `  * Reason: ${order.reason}`,
    ...order.options.map(optionLine),
  ];
  return formatDeb822([
    ["Format", "1.8"],
    ["Date", changelogDate(order.at)],
    ["Source", `${source} (${sourceVersion})`],
    ["Architecture", order.architectures.join(" ")],
    ["Version", version],
    ["Distribution", distribution],
    ["Urgency", "low"],
    ["Maintainer", maintainer],
    ["Changed-By", maintainer],
    ["Binary-Only", "yes"],
    [REASON_FIELD, order.reason],
    ["Changes", `\n${changes.join("\n")}`],
    ["Checksums-Sha256", lines(({ sha256, sizeBytes, name }) => `${sha256} ${sizeBytes} ${name}`)],
    ["Files", lines(({ md5, sizeBytes, name }) => `${md5} ${sizeBytes} ${section} optional ${name}`)],
  ]);
}

export function rebuildChangesName(source: string, version: Version): string {
  return buildFileName(source, version, "_rebuild.changes");
}

/** What sbuild puts on top of debian/changelog, in the words of its own --make-binNMU. The same whenever it is tried again. */
export function binNmuChangelogEntry(changes: Changes, architecture: string): string {
  const { source, version, distribution, changedBy = "", date = "", stanza } = changes;
  return [
    `${source} (${version}) ${distribution}; urgency=low, binary-only=yes`,
    "",
    `  * Binary-only non-maintainer upload for ${architecture}; no source changes.`,
    `  * ${fieldValue(stanza, REASON_FIELD) ?? "Rebuild"}`,
    "",
    ` -- ${changedBy}  ${date}`,
  ].join("\n");
}
