import type { Transaction } from "../database/index.ts";
import { requestPublication } from "./publication-state.ts";

/** Publish distributions anew, with a later Date, though nothing in them has changed. Undefined: of all repositories. */
export async function republishDistributions(tx: Transaction, repositoryIds: readonly string[] | undefined): Promise<void> {
  const rows = await tx
    .selectFrom("distributions")
    .select(["name", "change"])
    .$if(repositoryIds !== undefined, (query) => query.where("repository_id", "in", repositoryIds ?? []))
    .execute();
  for (const { name, change } of rows) await requestPublication(tx, name, change);
}
