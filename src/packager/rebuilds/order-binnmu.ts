import { findIdentity, highestBinNmu, listSourceFiles, type PlacedFile, type SourceInDistribution } from "../../archive/index.ts";
import type { DistributionTarget } from "../../catalog/index.ts";
import type { Transaction } from "../../database/index.ts";
import { isVersion, parseChanges, type Version } from "../../formats/index.ts";
import { formatUploadOptions, type OptionValues, parseUploadOptions } from "../../rules/index.ts";
import { AppError, hashBytes } from "../../runtime/index.ts";
import { ownMaintainer } from "../made-sources/changelog-entry.ts";
import type { PackagerContext, Reader } from "../packager-context.ts";
import { receiveUploadRow } from "../receive-upload-row.ts";
import { rebuildChangesName, rebuildChangesText } from "./rebuild-changes.ts";
import { REBUILD_CHANNEL } from "./rebuild-channel.ts";
import { checkRebuildUnderWay } from "./rebuild-under-way.ts";
import { refuseRebuild } from "./refuse-rebuild.ts";

/** What will be built, and why so. */
export interface RequestedRebuild {
  readonly method: "binnmu" | "port";
  readonly source: string;
  /** Of the source package that is built. */
  readonly sourceVersion: string;
  /** That it gets. */
  readonly version: string;
  readonly distribution: string;
  /** Empty: all. */
  readonly architectures: readonly string[];
  /** Undefined while a port's source is being made. */
  readonly uploadId: string | undefined;
  readonly notes: readonly string[];
}

export interface BinNmuOrder {
  readonly source: SourceInDistribution;
  readonly target: DistributionTarget;
  readonly architectures: readonly string[];
  readonly reason: string;
  readonly notes: readonly string[];
  readonly by: string;
}

/** A binNMU with the next free number, as an upload of our own: row, event and job in one transaction. */
export async function orderBinNmu(context: PackagerContext, order: BinNmuOrder): Promise<RequestedRebuild> {
  const { source, target, architectures, notes } = order;
  const { version, uploadId } = await context.database.transaction(async (tx) => {
    const problems = await checkRebuildUnderWay(tx, order);
    if (problems.length > 0) refuseRebuild(source.name, problems);
    const files = await listSourceFiles(tx, source.repositoryId, source);
    if (files.length === 0) throw sourceGone(source);
    const next = await nextVersion(tx, source);
    return { version: next, uploadId: await insertOrder(context, tx, { order, files, version: next }) };
  });
  const { name, version: sourceVersion } = source;
  return { method: "binnmu", source: name, sourceVersion, version, distribution: target.name, architectures, uploadId, notes };
}

async function insertOrder(
  context: PackagerContext,
  tx: Transaction,
  { order, files, version }: { order: BinNmuOrder; files: readonly PlacedFile[]; version: Version },
): Promise<string> {
  const { source, target, architectures, reason, by } = order;
  const changesText = rebuildChangesText({
    source: source.name,
    sourceVersion: source.version,
    version,
    distribution: target.name,
    architectures,
    reason,
    options: await optionsOf(tx, source, target),
    files,
    section: source.section,
    maintainer: ownMaintainer(context.own),
    at: tx.now(),
  });
  return receiveUploadRow(tx, {
    changes: parseChanges(changesText),
    distribution: target.name,
    changesName: rebuildChangesName(source.name, version),
    changesText,
    changesSha256: hashBytes(Buffer.from(changesText)).sha256,
    channel: REBUILD_CHANNEL,
    peer: by.slice(0, 200),
    files,
  });
}

/** A number is used once: also by a binNMU that failed, as that may be retried, and by one that is long gone. */
async function nextVersion(tx: Transaction, { name, version, repositoryId }: SourceInDistribution): Promise<Version> {
  const rows = await tx
    .selectFrom("uploads")
    .select("version")
    .where("source", "=", name)
    .where("channel", "=", REBUILD_CHANNEL)
    .execute();
  const asked = rows.filter((row) => row.version.startsWith(`${version}+b`)).map((row) => row.version.slice(version.length + 2));
  const highest = Math.max(
    await highestBinNmu(tx, repositoryId, { source: name, version }),
    ...asked.filter((text) => /^[0-9]{1,9}$/.test(text)).map(Number),
  );
  const next = `${version}+b${highest + 1}`;
  // Somebody may have given a source package such a version.
  const isTaken = await findIdentity(tx, repositoryId, { kind: "source", name, version: next, architecture: "" });
  if (isVersion(next) && isTaken === undefined) return next;
  return refuseRebuild(name, [
    { code: "REBUILD_REFUSED", message: `${next.slice(0, 250)} cannot be its version`, hint: "Upload a new version" },
  ]);
}

/** What the upload that brought the source asked its builds for; but for its checks, which know more by now than they did then. */
async function optionsOf(db: Reader, source: SourceInDistribution, target: DistributionTarget): Promise<string[]> {
  const rows = await db
    .selectFrom("uploads")
    .select(["changes_text", "changes_name", "distribution"])
    .where("source", "=", source.name)
    .where("version", "=", source.version)
    .where("state", "=", "installed")
    .orderBy("received_at", "desc")
    .execute();
  const brought = rows.find(({ distribution }) => distribution === target.name) ?? rows[0];
  const text = brought === undefined ? "" : parseChanges(brought.changes_text, brought.changes_name).changes;
  const { common, perArchitecture } = parseUploadOptions(text).options;
  const { autoPorts: _, ...wanted } = common;
  return formatUploadOptions({
    common: { ...wanted, lintianMode: lenient(common) },
    perArchitecture: new Map(
      [...perArchitecture].map(([name, values]) => [
        name,
        values.lintianMode === undefined ? values : { ...values, lintianMode: lenient(values) },
      ]),
    ),
  });
}

function lenient({ lintianMode }: OptionValues): NonNullable<OptionValues["lintianMode"]> {
  return lintianMode === "disabled" ? "disabled" : "ignore";
}

export function sourceGone({ name, version }: { readonly name: string; readonly version: string }): AppError {
  return new AppError({
    kind: "conflict",
    code: "REBUILD_SOURCE_GONE",
    message: `${name} ${version} has left the distribution since its rebuild was asked for`,
    hint: "Rebuild a version that `mini-buildd ls` shows",
  });
}
