import { formatReleaseDate } from "../formats/index.ts";
import type { DistributionSettings } from "./distribution-settings.ts";

/** A file as Release lists it, whether it is on the disk or not. */
export interface ReleaseEntry {
  /** "main/binary-amd64/Packages.xz" */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly sha512: string;
}

/** The text of a Release file. Fields as the original's, and Acquire-By-Hash. */
export function formatRelease(
  settings: DistributionSettings,
  date: Date,
  entries: readonly ReleaseEntry[],
  snapshot?: { readonly suite?: string | undefined },
): string {
  const { name, origin, label = name, description = name } = settings;
  const yesNo = (isSo: boolean): string => (isSo ? "yes" : "no");
  const fields = [
    `Origin: ${origin}`,
    `Label: ${label}`,
    `Suite: ${snapshot?.suite ?? name}`,
    `Codename: ${name}`,
    `Date: ${formatReleaseDate(date)}`,
    // What nobody signs again must not end: snapshots are signed once.
    ...(settings.validForMs === undefined || snapshot !== undefined
      ? []
      : [`Valid-Until: ${formatReleaseDate(new Date(date.getTime() + settings.validForMs))}`]),
    "Acquire-By-Hash: yes",
    `Architectures: ${settings.architectures.join(" ")}`,
    `Components: ${settings.components.join(" ")}`,
    `Description: ${description}`,
    // apt --snapshot (2.7 and newer) puts an instant in for the variable.
    ...(settings.snapshotsUri === undefined ? [] : [`Snapshots: ${settings.snapshotsUri}`]),
    // As the original: the second field only where the first says yes.
    ...(settings.notAutomatic
      ? ["NotAutomatic: yes", `ButAutomaticUpgrades: ${yesNo(settings.butAutomaticUpgrades)}`]
      : ["NotAutomatic: no"]),
  ];
  const list = (digest: (entry: ReleaseEntry) => string): string[] =>
    entries.map((entry) => ` ${digest(entry)} ${entry.sizeBytes} ${entry.path}`);
  return `${[...fields, "SHA256:", ...list((entry) => entry.sha256), "SHA512:", ...list((entry) => entry.sha512)].join("\n")}\n`;
}
