import type { Kysely } from "kysely";
import type { Schema } from "../database/index.ts";

/** A generation that readers see, or saw. */
export interface PublishedGeneration {
  readonly generation: number;
  /** It shows the distribution as of this change. */
  readonly change: number;
  /** Date of its Release file. */
  readonly releaseDate: Date;
}

/** The generation of a distribution that is in force. */
export async function findPublication(db: Kysely<Schema>, distribution: string): Promise<PublishedGeneration | undefined> {
  const row = await db
    .selectFrom("publications")
    .select(["generation", "change", "release_date"])
    .where("distribution", "=", distribution)
    .where("state", "=", "published")
    .orderBy("generation", "desc")
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return { generation: row.generation, change: row.change, releaseDate: new Date(row.release_date ?? 0) };
}
