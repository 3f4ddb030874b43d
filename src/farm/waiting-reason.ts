import type { FarmContext } from "./farm-context.ts";

/** Write into every waiting build why it waits, unless it waits for build dependencies; undefined: for no reason any more. Writes only what changes. */
export async function noteWhyBuildsWait(farm: FarmContext, reason: string | undefined): Promise<void> {
  const text = reason ?? null;
  const differs = await farm.database.read
    .selectFrom("builds")
    .select("id")
    .where("state", "=", "waiting")
    .where("waits_for", "is", null)
    .where("reason", "is distinct from", text)
    .limit(1)
    .executeTakeFirst();
  if (differs === undefined) return;

  await farm.database.transaction(async (tx) => {
    await tx.updateTable("builds").set({ reason: text }).where("state", "=", "waiting").where("waits_for", "is", null).execute();
  });
}
