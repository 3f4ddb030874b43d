import type { Kysely } from "kysely";
import type { Schema } from "../database/index.ts";
import type { PublishedGeneration } from "./find-publication.ts";

/** The generation of a distribution that was in force at an instant; undefined before the first one that is remembered. */
export async function findGenerationAt(
  db: Kysely<Schema>,
  distribution: string,
  instant: Date,
): Promise<PublishedGeneration | undefined> {
  const row = await db
    .selectFrom("publications")
    .select(["generation", "change", "release_date"])
    .where("distribution", "=", distribution)
    .where("state", "=", "published")
    .where("release_date", "<=", instant.toISOString())
    .orderBy("release_date", "desc")
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? undefined : publishedGeneration(row);
}

/** The oldest generation that is remembered: where history begins. */
export async function findFirstGeneration(db: Kysely<Schema>, distribution: string): Promise<PublishedGeneration | undefined> {
  const row = await db
    .selectFrom("publications")
    .select(["generation", "change", "release_date"])
    .where("distribution", "=", distribution)
    .where("state", "=", "published")
    .orderBy("release_date")
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? undefined : publishedGeneration(row);
}

function publishedGeneration(row: { generation: number; change: number; release_date: string | null }): PublishedGeneration {
  return { generation: row.generation, change: row.change, releaseDate: new Date(row.release_date ?? 0) };
}
