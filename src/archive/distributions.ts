import type { Kysely } from "kysely";
import type { Schema, Transaction } from "../database/index.ts";
import { AppError } from "../runtime/index.ts";
import { followBuiltUsing } from "./built-using.ts";
import { type DistributionSettings, parseSettings } from "./distribution-settings.ts";
import { requestPublication } from "./publication-state.ts";

/** The settings that a distribution had at a change. */
export async function loadSettingsAt(db: Kysely<Schema>, distribution: string, change: number): Promise<DistributionSettings> {
  const row = await db
    .selectFrom("distribution_revisions")
    .select("settings")
    .where("distribution", "=", distribution)
    .where("change", "<=", change)
    .orderBy("change", "desc")
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? (await loadDistribution(db, distribution)).settings : parseSettings(row.settings);
}

/** Store that a distribution is at a new change, and have that published. */
export async function commitChange(
  tx: Transaction,
  settings: DistributionSettings,
  { change, nextSequence }: { readonly change: number; readonly nextSequence: number },
): Promise<void> {
  const extraSources = await followBuiltUsing(tx, settings, { change, nextSequence });
  await tx
    .updateTable("distributions")
    .set({ change, next_sequence: nextSequence + extraSources })
    .where("name", "=", settings.name)
    .execute();
  await requestPublication(tx, settings.name, change);
}

export interface StoredDistribution {
  readonly settings: DistributionSettings;
  readonly change: number;
  readonly nextSequence: number;
}

/** Throws `not-found` DISTRIBUTION_UNKNOWN. */
export async function loadDistribution(db: Kysely<Schema>, name: string): Promise<StoredDistribution> {
  const row = await db.selectFrom("distributions").selectAll().where("name", "=", name).executeTakeFirst();
  if (row !== undefined) return { settings: parseSettings(row.settings), change: row.change, nextSequence: row.next_sequence };

  throw new AppError({
    kind: "not-found",
    code: "DISTRIBUTION_UNKNOWN",
    message: `there is no distribution ${name} here`,
    hint: "mini-buildd status lists the distributions",
    facts: { distribution: name },
  });
}

/** Distributions of the archive by name, with their settings. */
export async function listDistributions(db: Kysely<Schema>, repositoryId?: string): Promise<DistributionSettings[]> {
  let query = db.selectFrom("distributions").select("settings").orderBy("name");
  if (repositoryId !== undefined) query = query.where("repository_id", "=", repositoryId);
  return (await query.execute()).map((row) => parseSettings(row.settings));
}
