import type { BuildsTable, Transaction } from "../database/index.ts";
import { advance } from "./advance.ts";
import { LIVE_BUILD_STATES } from "./build-states.ts";
import type { FarmContext } from "./farm-context.ts";

/**
 * Cancel what an upload can do without: optional architectures that still wait `patienceMs` after its mandatory ones have
 * ended, unless a builder of that architecture worked within that time. Else an architecture that nobody builds would
 * keep the upload from being installed for ever. Returns the ids.
 */
export async function giveUpOptionalBuilds(farm: FarmContext, patienceMs: number): Promise<string[]> {
  const { database, clock } = farm;
  const since = new Date(clock.now().getTime() - patienceMs);
  const waiting = await database.read
    .selectFrom("builds")
    .select("upload_id")
    .distinct()
    .where("state", "=", "waiting")
    .where("is_optional", "=", 1)
    .execute();

  const givenUp: string[] = [];
  for (const { upload_id } of waiting) {
    givenUp.push(...(await database.transaction((tx) => giveUpOf(tx, farm, { uploadId: upload_id, since }))));
  }
  return givenUp;
}

async function giveUpOf(tx: Transaction, { limits }: FarmContext, of: { uploadId: string; since: Date }): Promise<string[]> {
  const builds = await tx.selectFrom("builds").selectAll().where("upload_id", "=", of.uploadId).execute();
  if (!haveEndedBefore(builds, of.since)) return [];

  const ids: string[] = [];
  for (const row of builds.filter((build) => build.is_optional === 1 && build.state === "waiting")) {
    if (await isBuiltSomewhere(tx, row.architecture, of.since)) continue;
    const minutes = Math.round((tx.now().getTime() - of.since.getTime()) / 60_000);
    const by = `mini-buildd: the upload can do without it, and no builder for ${row.architecture} has worked for ${minutes} minutes`;
    await advance(tx, limits, row, { type: "cancelled", by });
    ids.push(row.id);
  }
  return ids;
}

function haveEndedBefore(builds: readonly BuildsTable[], before: Date): boolean {
  const mandatory = builds.filter((build) => build.is_optional === 0);
  return mandatory.every(
    ({ state, ended_at }) => !(LIVE_BUILD_STATES as readonly string[]).includes(state) && new Date(ended_at ?? 0) < before,
  );
}

async function isBuiltSomewhere(tx: Transaction, architecture: string, since: Date): Promise<boolean> {
  const row = await tx
    .selectFrom("builds")
    .select("id")
    .where("architecture", "=", architecture)
    .where((where) => where.or([where("state", "=", "leased"), where("started_at", ">=", since.toISOString())]))
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
