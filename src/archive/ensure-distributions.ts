import type { Transaction } from "../database/index.ts";
import { type DistributionSettings, formatSettings } from "./distribution-settings.ts";
import { requestPublication } from "./publication-state.ts";
import { fillRollbackViews, rollbackViewSettings } from "./rollback-views.ts";

/**
 * Make the archive know these distributions, with these settings, and their rollback views. New and changed ones are
 * published, empty ones too; others are left alone. May be called again with the same list, to no effect.
 */
export async function ensureDistributions(tx: Transaction, list: readonly DistributionSettings[]): Promise<void> {
  for (const settings of list) {
    await ensureDistribution(tx, settings);
    for (const view of rollbackViewSettings(settings)) await ensureDistribution(tx, view);
    await fillRollbackViews(tx, settings);
  }
}

async function ensureDistribution(tx: Transaction, wanted: DistributionSettings): Promise<void> {
  const settings = formatSettings(wanted);
  const existing = await tx
    .selectFrom("distributions")
    .select(["settings", "change"])
    .where("name", "=", wanted.name)
    .executeTakeFirst();
  if (existing?.settings === settings) return;

  if (existing === undefined) {
    await tx
      .insertInto("distributions")
      .values({
        name: wanted.name,
        repository_id: wanted.repositoryId,
        settings,
        change: 1,
        next_sequence: 0,
        created_at: tx.now().toISOString(),
      })
      .execute();
  } else {
    await tx
      .updateTable("distributions")
      .set({ settings, change: existing.change + 1 })
      .where("name", "=", wanted.name)
      .execute();
  }
  const change = (existing?.change ?? 0) + 1;
  await tx.insertInto("distribution_revisions").values({ distribution: wanted.name, change, settings }).execute();
  await requestPublication(tx, wanted.name, change);
}
