import type { Operation } from "../operations/index.ts";
import {
  archiveVerify,
  archiveVerifyStatus,
  audit,
  catalogApply,
  catalogPlan,
  cronjobLs,
  events,
  keyringPackages,
  log,
  logLevelLs,
  logLevelSet,
  ls,
  migrate,
  migrationPreview,
  port,
  portExt,
  type ResultOf,
  rebuild,
  remove,
  restore,
  retentionApply,
  retentionPreview,
  sessionLs,
  show,
  snapshotDiff,
  snapshotLs,
  status,
  testPackages,
  tokenCreate,
  tokenLs,
  type UploadView,
  undo,
  upload,
  uploaderKeys,
  userCreate,
  userKeys,
  userLink,
  userLs,
  whoami,
} from "../operations/index.ts";
import {
  formatAudit,
  formatCronjobs,
  formatKeys,
  formatLink,
  formatNewToken,
  formatSessions,
  formatTokens,
  formatUsers,
  formatWhoami,
} from "./format-accounts.ts";
import { formatEvent } from "./format-event.ts";
import { formatDifference, formatRetention, formatSnapshots, formatVerification } from "./format-history.ts";
import { formatLog, formatLogLevels } from "./format-log.ts";
import { formatMigration, formatMigrationPreview, formatRemoval, formatRestore, formatUndo } from "./format-movement.ts";
import { formatPorts, formatRebuild } from "./format-ports.ts";
import { formatTable, printable } from "./table.ts";

type Formatter = (result: never) => string;

/** How results look for people; an operation without a row here prints its text, or JSON. */
const FORMATTERS: Readonly<Record<string, Formatter>> = {
  [status.name]: formatStatus,
  [events.name]: (result: ResultOf<typeof events>) => result.events.map(formatEvent).join("") || "nothing happened yet\n",
  [ls.name]: formatVersions,
  [show.name]: formatVersions,
  [upload.name]: formatUpload,
  [catalogPlan.name]: formatChanges,
  [catalogApply.name]: formatChanges,
  [migrate.name]: formatMigration,
  [port.name]: formatPorts,
  [portExt.name]: formatPorts,
  [rebuild.name]: formatRebuild,
  [keyringPackages.name]: formatPorts,
  [testPackages.name]: formatPorts,
  [snapshotLs.name]: formatSnapshots,
  [snapshotDiff.name]: formatDifference,
  [retentionPreview.name]: formatRetention,
  [retentionApply.name]: formatRetention,
  [archiveVerify.name]: formatVerification,
  [archiveVerifyStatus.name]: formatVerification,
  [migrationPreview.name]: formatMigrationPreview,
  [remove.name]: formatRemoval,
  [restore.name]: formatRestore,
  [undo.name]: formatUndo,
  [whoami.name]: formatWhoami,
  [userLs.name]: formatUsers,
  [userCreate.name]: formatLink,
  [userLink.name]: formatLink,
  [userKeys.name]: formatKeys,
  [uploaderKeys.name]: formatKeys,
  [tokenLs.name]: formatTokens,
  [tokenCreate.name]: formatNewToken,
  [sessionLs.name]: formatSessions,
  [audit.name]: formatAudit,
  [cronjobLs.name]: formatCronjobs,
  [log.name]: formatLog,
  [logLevelLs.name]: formatLogLevels,
  [logLevelSet.name]: formatLogLevels,
};

export function formatResult(operation: Operation, result: unknown): string {
  const formatter = FORMATTERS[operation.name];
  if (formatter !== undefined) return printable(formatter(result as never));
  return typeof result === "string" ? printable(endLine(result)) : formatJson(result);
}

export function formatJson(result: unknown): string {
  return `${JSON.stringify(result, undefined, 2)}\n`;
}

function formatStatus(result: ResultOf<typeof status>): string {
  const rows = [
    ["identity", result.identity],
    ["version", result.version],
    ["web", result.url],
    ["uploads", result.incoming_url],
    ["load", result.load < 0 ? "stopped" : String(result.load)],
    ["builds for", result.chroots.join(", ") || "nothing yet"],
    ...Object.entries(result.repositories ?? {}).map(([id, repository]) => [
      `repository ${id}`,
      `${repository.codenames.join(", ")}: ${Object.keys(repository.layout).join(", ")}`,
    ]),
  ];
  const [first = [], ...rest] = rows;
  return formatTable(first, rest);
}

interface VersionEntry {
  readonly version: string;
  readonly rebuilt_version?: string | undefined;
  readonly component: string;
  readonly architecture: string;
  readonly rollbacks: Readonly<Record<string, Omit<VersionEntry, "rollbacks">>>;
}

function formatVersions(result: Readonly<Record<string, Readonly<Record<string, VersionEntry>>>>): string {
  const rows = Object.values(result).flatMap((distributions) =>
    Object.entries(distributions).flatMap(([name, entry]) => [
      versionRow(name, entry),
      ...Object.entries(entry.rollbacks).map(([rollback, old]) => versionRow(rollback, old)),
    ]),
  );
  return rows.length === 0
    ? "no such source package\n"
    : formatTable(["distribution", "version", "component", "architecture"], rows);
}

function versionRow(distribution: string, entry: Omit<VersionEntry, "rollbacks">): string[] {
  const { version, rebuilt_version: rebuilt, component, architecture } = entry;
  return [distribution, rebuilt === undefined ? version : `${version} (rebuilt: ${rebuilt})`, component, architecture];
}

function formatUpload(result: UploadView): string {
  const head = formatTable(
    ["upload", result.id],
    [
      ["state", result.state],
      ["distribution", result.distribution],
      ["received", result.received_at],
      ["ended", result.ended_at ?? "not yet"],
    ],
  );
  const problems = result.problems.map((problem) => formatProblem(problem));
  const steps = result.builds.flatMap((build) =>
    build.steps.map((step) => [build.architecture, String(build.attempt), step.step, step.outcome ?? "running", step.note ?? ""]),
  );
  const builds = steps.length === 0 ? "" : `\n${formatTable(["build", "attempt", "step", "outcome", "note"], steps)}`;
  return `${head}${problems.join("")}${builds}${formatWaits(result)}${formatChecks(result)}${formatFirstErrors(result)}`;
}

/** Build dependencies that are missing, and where they may come from. */
function formatWaits({ builds }: UploadView): string {
  const rows = builds.flatMap(({ architecture, waits_for: wait }) =>
    wait === null ? [] : wait.outlook.map((sentence) => [architecture, wait.relations.join(", "), sentence]),
  );
  return rows.length === 0 ? "" : `\n${formatTable(["build", "waits for", "outlook"], rows)}`;
}

/** Of what failed: the first error in its log, with the lines around it. */
function formatFirstErrors({ builds }: UploadView): string {
  return builds
    .flatMap(({ architecture, attempt, failure }) => {
      const lines = (failure?.excerpt ?? []).map(({ line, text }) => `${String(line).padStart(7)}  ${text}\n`);
      return lines.length === 0
        ? []
        : [`\n${architecture}, attempt ${attempt}: first error in the log, line ${failure?.log_line}\n${lines.join("")}`];
    })
    .join("");
}

function formatChecks({ builds }: UploadView): string {
  const rows = builds.flatMap((build) =>
    build.checks
      .filter(({ outcome }) => outcome !== "disabled")
      .map(({ name, outcome, summary, changes }) => {
        const since = changes === null || changes.summary === "" ? "" : ` (${changes.summary} since ${changes.version})`;
        return [build.architecture, String(build.attempt), name, outcome, `${summary}${since}`];
      }),
  );
  return rows.length === 0 ? "" : `\n${formatTable(["build", "attempt", "check", "outcome", "result"], rows)}`;
}

export function formatProblem({ message, hint }: { message: string; hint?: string | undefined }): string {
  return `problem: ${message}\n${hint === undefined ? "" : `  ${hint}\n`}`;
}

function formatChanges(result: ResultOf<typeof catalogPlan>): string {
  if (result.changes.length === 0) return "no change\n";

  const lines = result.changes.map(
    (change) => `${change.summary}${change.loses_packages ? "   (packages would be lost)" : ""}\n`,
  );
  const losses = result.changes.some((change) => change.loses_packages) && !result.applied;
  const next = losses
    ? "to apply this although packages are lost: mini-buildd apply --with-loss\n"
    : "to put it in force: mini-buildd apply\n";
  return `${lines.join("")}${result.applied ? "applied\n" : next}`;
}

function endLine(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}
