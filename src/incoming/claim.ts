import type { SourceFileEntry } from "../formats/index.ts";
import type { QuarantineRow } from "./quarantine.ts";

export interface ClaimedFile {
  readonly entry: SourceFileEntry;
  readonly row: QuarantineRow;
}

/** A listed file that is not there; `other` is what the same sender sent under its name instead. */
export interface MissingFile {
  readonly entry: SourceFileEntry;
  readonly other: QuarantineRow | undefined;
}

export interface Claim {
  readonly claimed: readonly ClaimedFile[];
  readonly missing: readonly MissingFile[];
  /** Other copies of claimed files, and what the sender sent instead of missing ones. */
  readonly related: readonly QuarantineRow[];
}

/**
 * Which files in quarantine a .changes gets: those whose name, size and SHA-256 fit, whoever sent them, its own sender's
 * first. Files of the same name with other content are another sender's, or another attempt: they never match.
 */
export function matchFiles(
  entries: readonly SourceFileEntry[],
  candidates: readonly QuarantineRow[],
  sender: { readonly peer: string },
): Claim {
  const byName = Map.groupBy(candidates, (row) => row.name);
  const claimed: ClaimedFile[] = [];
  const missing: MissingFile[] = [];
  const related: QuarantineRow[] = [];
  for (const entry of entries) {
    const sameName = byName.get(entry.name) ?? [];
    const fitting = sameName.filter((row) => row.size_bytes === entry.sizeBytes && row.sha256 === entry.sha256);
    const row = fitting.find((candidate) => candidate.peer === sender.peer) ?? fitting[0];
    if (row === undefined) {
      const others = sameName.filter((candidate) => candidate.peer === sender.peer);
      missing.push({ entry, other: others.at(-1) });
      related.push(...others);
    } else {
      claimed.push({ entry, row });
      related.push(...fitting);
    }
  }
  return { claimed, missing, related };
}
