import type { Kysely } from "kysely";
import type { Schema, Transaction } from "../database/index.ts";
import type { DistributionSettings } from "./distribution-settings.ts";

/** The generation of a distribution before which everything may be forgotten. */
export interface Horizon {
  readonly distribution: string;
  readonly repositoryId: string;
  readonly generation: number;
  /** Its Date: history begins here afterwards. */
  readonly releaseDate: Date;
  /** What ended with this change, or earlier, is seen in no generation from here on. */
  readonly change: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const TABLES = ["source_memberships", "binary_memberships"] as const;
export type MembershipTable = (typeof TABLES)[number];
export const MEMBERSHIP_TABLES: readonly MembershipTable[] = TABLES;

/** Undefined when a distribution's history is kept for ever, or is not old enough yet. */
export async function findHorizon(
  db: Kysely<Schema>,
  settings: DistributionSettings,
  { now, ageMsMin }: { readonly now: Date; readonly ageMsMin: number },
): Promise<Horizon | undefined> {
  if (settings.historyDays === undefined) return undefined;
  const ageMs = Math.max(settings.historyDays * DAY_MS, ageMsMin);
  const row = await db
    .selectFrom("publications")
    .select(["generation", "change", "release_date"])
    .where("distribution", "=", settings.name)
    .where("state", "=", "published")
    .where("published_at", "<=", new Date(now.getTime() - ageMs).toISOString())
    .orderBy("generation", "desc")
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return undefined;

  const lastChange = await lastPackageChange(db, settings.name);
  return {
    distribution: settings.name,
    repositoryId: settings.repositoryId,
    generation: row.generation,
    releaseDate: new Date(row.release_date ?? 0),
    // What went with the last change is what `undo` brings back.
    change: Math.min(row.change, lastChange - 1),
  };
}

/** First: nobody can ask for these instants any more. */
export async function forgetGenerations(tx: Transaction, { distribution, generation }: Horizon): Promise<number> {
  const { numDeletedRows } = await tx
    .deleteFrom("publications")
    .where("distribution", "=", distribution)
    .where("state", "=", "published")
    .where("generation", "<", generation)
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

/**
 * Then up to `limit` memberships that ended before the horizon and that no named snapshot shows. Returns how many went;
 * none: all are gone.
 */
export async function forgetMemberships(
  tx: Transaction,
  table: MembershipTable,
  { horizon: { distribution, change }, limit }: { readonly horizon: Horizon; readonly limit: number },
): Promise<number> {
  const rows = await tx
    .selectFrom(table)
    .select("id")
    .where("distribution", "=", distribution)
    .where("valid_to", "<=", change)
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom("snapshots")
            .select("snapshots.name")
            .whereRef("snapshots.distribution", "=", `${table}.distribution`)
            .whereRef("snapshots.change", ">=", `${table}.valid_from`)
            .whereRef("snapshots.change", "<", `${table}.valid_to`),
        ),
      ),
    )
    .limit(limit)
    .execute();
  const ids = rows.map(({ id }) => id);
  if (ids.length > 0) await tx.deleteFrom(table).where("id", "in", ids).execute();
  return ids.length;
}

/** Of the last change that packages came or went with. */
async function lastPackageChange(db: Kysely<Schema>, distribution: string): Promise<number> {
  let last = 0;
  for (const table of TABLES) {
    const began = await newest(db, { table, column: "valid_from", distribution });
    const ended = await newest(db, { table, column: "valid_to", distribution });
    last = Math.max(last, began, ended);
  }
  return last;
}

async function newest(
  db: Kysely<Schema>,
  { table, column, distribution }: { table: MembershipTable; column: "valid_from" | "valid_to"; distribution: string },
): Promise<number> {
  const row = await db
    .selectFrom(table)
    .select(column)
    .where("distribution", "=", distribution)
    .where(column, "is not", null)
    .orderBy(column, "desc")
    .limit(1)
    .executeTakeFirst();
  return row?.[column] ?? 0;
}
