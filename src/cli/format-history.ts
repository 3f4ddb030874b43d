import type { ResultOf, RetentionView, snapshotDiff, snapshotLs } from "../operations/index.ts";
import { formatTable } from "./table.ts";

export function formatSnapshots(result: ResultOf<typeof snapshotLs>): string {
  return result.length === 0 ? "no snapshots\n" : result.map((name) => `${name}\n`).join("");
}

export function formatDifference({ distribution, from, to, differences }: ResultOf<typeof snapshotDiff>): string {
  const head = `${distribution}, ${from.point} (${from.date}) → ${to.point} (${to.date})\n`;
  if (differences.length === 0) return `${head}no difference\n`;
  const rows = differences.map((row) => [row.kind, row.name, row.architecture, row.from ?? "-", row.to ?? "-"]);
  return `${head}${formatTable(["what", "package", "architecture", "from", "to"], rows)}`;
}

export function formatRetention(result: RetentionView): string {
  const verbs = result.applied ? ["left", "forgotten", "deleted"] : ["would leave", "would be forgotten", "would be deleted"];
  const [leaves = "", forgets = "", deletes = ""] = verbs;
  const lines = [
    ...result.leaving.map(({ distribution, source, version }) => `${source} ${version} ${leaves} ${distribution}`),
    ...result.forgotten.map(
      ({ distribution, before, generations, memberships }) =>
        `history of ${distribution} before ${before} ${forgets}: ${generations} generations, ${memberships} stays of packages`,
    ),
  ];
  if (result.source_packages + result.binary_packages + result.files > 0) {
    const what = `${result.source_packages} source and ${result.binary_packages} binary packages, ${result.files} files`;
    lines.push(`${deletes}: ${what}; ${formatBytes(result.freed_bytes)} freed`);
  }
  if (lines.length === 0) return "nothing to do\n";
  return `${lines.join("\n")}\n${result.applied ? "" : "to do it now: mini-buildd retention-apply\n"}`;
}

function formatBytes(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
