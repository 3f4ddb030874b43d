import type { Kysely } from "kysely";
import type { Schema, Transaction } from "../database/index.ts";

/** The text in force; undefined before the first apply. */
export async function findNewestRevision(db: Kysely<Schema>): Promise<string | undefined> {
  const row = await db.selectFrom("catalog_revisions").select("toml").orderBy("id", "desc").limit(1).executeTakeFirst();
  return row?.toml;
}

/** All revisions stay: they tell what was in force when. */
export async function addRevision(tx: Transaction, toml: string): Promise<void> {
  await tx.insertInto("catalog_revisions").values({ applied_at: tx.now().toISOString(), toml }).execute();
}
