import type { Transaction } from "../database/index.ts";
import { parseSettings } from "./distribution-settings.ts";
import { requestPublication } from "./publication-state.ts";

/** Of the time for which a Release is valid: the rest is for us to be away, and for readers. */
const RESIGNED_AFTER = 1 / 3;

/**
 * Have distributions signed again whose Valid-Until comes nearer, though nothing in them has changed. For a schedule,
 * at least as often as a third of a day. Returns their names.
 */
export async function resignDistributions(tx: Transaction): Promise<string[]> {
  const rows = await tx
    .selectFrom("distributions")
    .innerJoin("publications", "publications.distribution", "distributions.name")
    .select((builder) => ["name", "settings", "distributions.change", builder.fn.max("release_date").as("last")])
    .groupBy(["name", "settings", "distributions.change"])
    .execute();

  const resigned: string[] = [];
  for (const { name, settings, change, last } of rows) {
    const { validForMs } = parseSettings(settings);
    if (validForMs === undefined || last === null) continue;
    if (tx.now().getTime() < new Date(last).getTime() + validForMs * RESIGNED_AFTER) continue;
    await requestPublication(tx, name, change);
    resigned.push(name);
  }
  return resigned;
}
