import type { ExpressionBuilder, Kysely } from "kysely";
import type { Schema, Transaction } from "../database/index.ts";
import { AppError } from "../runtime/index.ts";
import { commitChange, type StoredDistribution } from "./distributions.ts";
import { closeMemberships, openMemberships, type PackageIds } from "./membership.ts";
import { recordMovement } from "./movement-event.ts";
import { updateRollbackViews } from "./rollback-views.ts";
import { loadWritableDistribution } from "./writable-distribution.ts";

export interface UndoRequest {
  readonly distribution: string;
  /** Who asked for it, for the record. */
  readonly by?: string | undefined;
}

export interface UndoResult {
  readonly change: number;
  /** The change whose effect is gone. */
  readonly undone: number;
  /** Source packages that came back, or binary packages of theirs. */
  readonly entered: readonly UndoneSource[];
  readonly left: readonly UndoneSource[];
}

export interface UndoneSource {
  readonly source: string;
  readonly version: string;
}

/**
 * Put a distribution back to what it held before the last change of its packages: a later change with the earlier
 * contents. To undo that in turn brings the undone change back. Throws `not-found` DISTRIBUTION_UNKNOWN; `conflict`
 * DISTRIBUTION_READ_ONLY, NOTHING_TO_UNDO.
 */
export async function undoLastChange(tx: Transaction, request: UndoRequest): Promise<UndoResult> {
  const distribution = await loadWritableDistribution(tx, request.distribution);
  const undone = await lastPackageChange(tx, request.distribution);
  if (undone === undefined) throw nothingToUndo(request.distribution);

  const change = distribution.change + 1;
  const came = await findMembers(tx, request.distribution, { column: "valid_from", undone });
  const went = await findMembers(tx, request.distribution, { column: "valid_to", undone });
  await closeMemberships(tx, came, change);
  const opened = await openMemberships(tx, { ...distribution, change }, went);
  await commitChange(tx, distribution.settings, { change, nextSequence: distribution.nextSequence + opened });
  await updateRollbackViews(tx, distribution.settings, new Set([...came.sourceNames, ...went.sourceNames]));

  const result = { change, undone, entered: went.sources, left: came.sources };
  await recordUndo(tx, distribution, { ...result, by: request.by });
  return result;
}

/**
 * The number of the last change that packages came or went with. Settings change a distribution too, and a version that
 * is too old to be kept comes and goes with one change.
 */
async function lastPackageChange(db: Kysely<Schema>, distribution: string): Promise<number | undefined> {
  const found: number[] = [];
  for (const table of ["source_memberships", "binary_memberships"] as const) {
    for (const column of ["valid_from", "valid_to"] as const) {
      const row = await db
        .selectFrom(table)
        .select(`${column} as change`)
        .where("distribution", "=", distribution)
        // The index of ends has no others.
        .where(column, "is not", null)
        .where((where) => where.or([where("valid_to", "is", null), where("valid_to", ">", where.ref("valid_from"))]))
        .orderBy(column, "desc")
        .limit(1)
        .executeTakeFirst();
      if (row?.change !== undefined && row.change !== null) found.push(row.change);
    }
  }
  return found.length === 0 ? undefined : Math.max(...found);
}

interface ChangedMembers extends PackageIds {
  readonly sourceMembershipIds: number[];
  readonly binaryMembershipIds: number[];
  readonly sources: UndoneSource[];
  /** Of binary packages too. */
  readonly sourceNames: string[];
}

async function findMembers(
  db: Kysely<Schema>,
  distribution: string,
  { column, undone }: { column: "valid_from" | "valid_to"; undone: number },
): Promise<ChangedMembers> {
  const sources = await db
    .selectFrom("source_memberships as members")
    .innerJoin("source_packages as packages", "packages.id", "members.source_package_id")
    .select(["members.id", "members.source_package_id as packageId", "packages.name", "packages.version"])
    .where("members.distribution", "=", distribution)
    .where(`members.${column}`, "=", undone)
    .where((where) => isStillSo(where, column, undone))
    .execute();
  const binaries = await db
    .selectFrom("binary_memberships as members")
    .innerJoin("binary_packages as packages", "packages.id", "members.binary_package_id")
    .select(["members.id", "members.binary_package_id as packageId", "packages.source", "packages.source_version"])
    .where("members.distribution", "=", distribution)
    .where(`members.${column}`, "=", undone)
    .where((where) => isStillSo(where, column, undone))
    .execute();
  return {
    sourceMembershipIds: sources.map(({ id }) => id),
    binaryMembershipIds: binaries.map(({ id }) => id),
    sourcePackageIds: sources.map(({ packageId }) => packageId),
    binaryPackageIds: binaries.map(({ packageId }) => packageId),
    sources: distinct([
      ...sources.map(({ name, version }) => ({ source: name, version })),
      ...binaries.map(({ source, source_version: version }) => ({ source, version })),
    ]),
    sourceNames: [...sources.map(({ name }) => name), ...binaries.map(({ source }) => source)],
  };
}

function distinct(sources: readonly UndoneSource[]): UndoneSource[] {
  return [...new Map(sources.map((each) => [`${each.source} ${each.version}`, each])).values()];
}

/** Not what came and left with the same change, such as a version too old to be kept. */
function isStillSo(
  where: ExpressionBuilder<{ members: { valid_from: number; valid_to: number | null } }, "members">,
  column: "valid_from" | "valid_to",
  undone: number,
) {
  return column === "valid_from" ? where("members.valid_to", "is", null) : where("members.valid_from", "<", undone);
}

/** MIGRATED when something came back, else REMOVED: what the original's clients know. */
async function recordUndo(
  tx: Transaction,
  { settings }: StoredDistribution,
  { by, undone, entered, left }: UndoResult & { by: string | undefined },
): Promise<void> {
  const [about] = [...entered, ...left];
  await recordMovement(tx, {
    type: entered.length > 0 ? "MIGRATED" : "REMOVED",
    distribution: settings.name,
    source: about?.source ?? "",
    version: about?.version ?? "",
    data: { act: "undo", by, undone, entered, left },
  });
}

function nothingToUndo(distribution: string): AppError {
  return new AppError({
    kind: "conflict",
    code: "NOTHING_TO_UNDO",
    message: `no package came to ${distribution} or left it yet`,
    hint: "mini-buildd events shows what happened",
    facts: { distribution },
  });
}
