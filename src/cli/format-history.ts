import type { ResultOf, RetentionView, snapshotDiff, snapshotLs, VerificationView } from "../operations/index.ts";
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

export function verificationProgress({ files_done, files_total, bytes_done }: VerificationView): string {
  return `${Math.min(files_done, files_total)} of ${files_total} files, ${formatBytes(bytes_done)}\n`;
}

export function formatVerification(result: VerificationView): string {
  if (result.state === "never") return "the archive was not verified since the daemon started\n";
  if (result.state === "running") return `running: ${verificationProgress(result)}`;

  const lines = result.findings.map(({ path, fault, repaired }) => `${path}: ${fault}${repaired ? ", repaired" : ""}\n`);
  const unsaid = result.finding_count - result.findings.length;
  if (unsaid > 0) lines.push(`and ${unsaid} more\n`);
  if (result.problem !== null) lines.push(`broken off: ${result.problem}\n`);
  const read = `${result.files_done} files read, ${formatBytes(result.bytes_done)}`;
  if (result.finding_count === 0)
    return `${lines.join("")}${read}: ${result.state === "done" ? "all whole" : "not all was read"}\n`;

  const left = result.finding_count - result.repaired_count;
  const next = left > 0 && !result.repairing ? "to repair what can be: mini-buildd archive verify --repair\n" : "";
  return `${lines.join("")}${read}: ${result.finding_count} faults, ${result.repaired_count} repaired\n${next}`;
}
