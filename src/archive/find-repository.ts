import type { Kysely } from "kysely";
import type { Schema } from "../database/index.ts";

/** The repository that a distribution belongs to; undefined when there is no such distribution. */
export async function findDistributionRepository(db: Kysely<Schema>, name: string): Promise<string | undefined> {
  const row = await db.selectFrom("distributions").select("repository_id").where("name", "=", name).executeTakeFirst();
  return row?.repository_id;
}
