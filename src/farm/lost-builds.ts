import type { BuildsTable } from "../database/index.ts";
import { advance } from "./advance.ts";
import type { FarmContext } from "./farm-context.ts";

/** Builds whose builder stopped renewing are lost, and wait again. Returns their ids. Call now and then. */
export async function expireLeases(farm: FarmContext): Promise<string[]> {
  const isExpired = (row: BuildsTable, now: Date): boolean => (row.lease_expires_at ?? "") < now.toISOString();
  const leased = await farm.database.read.selectFrom("builds").selectAll().where("state", "=", "leased").execute();
  if (!leased.some((row) => isExpired(row, farm.clock.now()))) return [];

  return loseBuilds(farm, isExpired, (row) => `${row.builder} stopped reporting`);
}

/**
 * Builds that a builder of this name still holds are lost, at once. For a builder that starts and knows that no
 * other one of its name is alive: the local builder, because its daemon holds the lock on the home.
 */
export async function reclaimBuilds(farm: FarmContext, builder: string): Promise<string[]> {
  return loseBuilds(
    farm,
    (row) => row.builder === builder,
    () => `${builder} was restarted`,
  );
}

async function loseBuilds(
  farm: FarmContext,
  isLost: (row: BuildsTable, now: Date) => boolean,
  reasonFor: (row: BuildsTable) => string,
): Promise<string[]> {
  const ids = await farm.database.transaction(async (tx) => {
    const leased = await tx.selectFrom("builds").selectAll().where("state", "=", "leased").orderBy("id").execute();
    const lost = leased.filter((row) => isLost(row, tx.now()));
    for (const row of lost) await advance(tx, farm.limits, row, { type: "lost", reason: reasonFor(row) });
    return lost.map(({ id }) => id);
  });
  for (const buildId of ids) farm.logger.warn("build lost", { buildId });
  return ids;
}
