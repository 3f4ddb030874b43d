import { availableParallelism, loadavg, totalmem } from "node:os";

/** One line of what a bench found. */
export interface BenchRow {
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  /** What stands beside it, measured in the same run. */
  readonly peer: string | null;
  readonly peerValue: number | null;
  /** value / peerValue. */
  readonly ratio: number | null;
  /** In words: "≤ 5 s", "≤ 0.5 × peer". */
  readonly goal: string | null;
  readonly met: boolean | null;
}

export interface Measured {
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  readonly peer?: { readonly name: string; readonly value: number } | undefined;
  /** At most so much, in the value's unit. */
  readonly goalMax?: number | undefined;
}

export function benchRow({ metric, value, unit, peer, goalMax }: Measured): BenchRow {
  return {
    metric,
    value: rounded(value),
    unit,
    peer: peer?.name ?? null,
    peerValue: peer === undefined ? null : rounded(peer.value),
    ratio: peer === undefined ? null : rounded(value / peer.value),
    goal: goalMax === undefined ? null : `≤ ${rounded(goalMax)} ${unit}`,
    met: goalMax === undefined ? null : value <= goalMax,
  };
}

/** A table for people; with `json`, the rows as one JSON array on standard output and the table on standard error. */
export function printReport(title: string, rows: readonly BenchRow[], options: { readonly json: boolean }): void {
  const write = (text: string): void => void (options.json ? process.stderr : process.stdout).write(`${text}\n`);
  write(`${title} (${machine()})`);
  write(formatTable(rows));
  if (options.json) process.stdout.write(`${JSON.stringify(rows, undefined, 2)}\n`);
}

/** Progress: on standard error, so that it never mixes with the result. */
export function tell(line: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} load ${loadavg()[0]?.toFixed(1)}: ${line}\n`);
}

function formatTable(rows: readonly BenchRow[]): string {
  const cells = [
    ["metric", "value", "peer", "", "ratio", "goal", "met"],
    ...rows.map((row) => [
      row.metric,
      `${row.value} ${row.unit}`,
      row.peer ?? "",
      row.peerValue === null ? "" : `${row.peerValue} ${row.unit}`,
      row.ratio === null ? "" : `${row.ratio}`,
      row.goal ?? "",
      row.met === null ? "" : row.met ? "yes" : "NO",
    ]),
  ];
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0))) ?? [];
  return cells.map((line) => `  ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd()).join("\n");
}

function machine(): string {
  const load = loadavg()[0]?.toFixed(1);
  return `${availableParallelism()} cores, ${Math.round(totalmem() / 1024 ** 3)} GiB, load ${load}, node ${process.versions.node}`;
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
