import type { MigrationHopView, migrate, migrationPreview, ResultOf, remove, restore, undo } from "../operations/index.ts";
import { formatProblem } from "./format-result.ts";

export function formatMigration(result: ResultOf<typeof migrate>): string {
  const { source, version, migrated, overridden } = result;
  const moves = migrated.map(({ from, to }) => `${source} ${version}: ${from} → ${to}\n`);
  return `${moves.join("")}${overridden.map(({ message }) => `overridden: ${message}\n`).join("")}`;
}

export function formatMigrationPreview(result: ResultOf<typeof migrationPreview>): string {
  const { source, version, hops, problems } = result;
  const verdict = problems.length === 0 ? `${source} ${version} can migrate\n` : `${source} ${version} does not migrate:\n`;
  return `${hops.map(formatHop).join("")}${verdict}${problems.map(formatProblem).join("")}`;
}

function formatHop({ to, replaces, comes, goes, breaks }: MigrationHopView): string {
  const list = (label: string, lines: readonly string[]): string =>
    lines.length === 0 ? "" : `${label}\n${lines.map((line) => `  ${line}\n`).join("")}`;
  return [
    list(
      `comes to ${to}${replaces === null ? "" : `, where ${replaces} is the newest now`}:`,
      comes.map((coming) => `${coming.name} ${coming.version} ${coming.architecture}`),
    ),
    list(`goes from ${to}:`, goes),
    list(
      `could not be installed from ${to}:`,
      breaks.map((broken) => `${broken.name} ${broken.version} ${broken.architecture}: ${broken.reasons.join("; ")}`),
    ),
  ].join("");
}

export function formatRemoval({ distribution, source, versions }: ResultOf<typeof remove>): string {
  return `removed from ${distribution}: ${source} ${versions.join(", ")}\n`;
}

export function formatRestore({ distribution, source, version, left }: ResultOf<typeof restore>): string {
  return `${source} ${version} is the newest in ${distribution} again${left.length === 0 ? "" : `; ${left.join(", ")} left`}\n`;
}

export function formatUndo({ distribution, entered, left }: ResultOf<typeof undo>): string {
  const lines = [
    ...entered.map(({ source, version }) => `+ ${source} ${version}\n`),
    ...left.map(({ source, version }) => `- ${source} ${version}\n`),
  ];
  return `the last change of ${distribution} is undone:\n${lines.join("")}`;
}
