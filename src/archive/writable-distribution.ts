import type { Kysely } from "kysely";
import type { Schema } from "../database/index.ts";
import { AppError } from "../runtime/index.ts";
import { loadDistribution, type StoredDistribution } from "./distributions.ts";

/** Throws `not-found` DISTRIBUTION_UNKNOWN; `conflict` DISTRIBUTION_READ_ONLY for a rollback view. */
export async function loadWritableDistribution(db: Kysely<Schema>, name: string): Promise<StoredDistribution> {
  const distribution = await loadDistribution(db, name);
  const { rollbackOf } = distribution.settings;
  if (rollbackOf === undefined) return distribution;

  throw new AppError({
    kind: "conflict",
    code: "DISTRIBUTION_READ_ONLY",
    message: `${name} only shows what ${rollbackOf.distribution} keeps: it cannot be changed itself`,
    hint: `Say ${rollbackOf.distribution} and the version: mini-buildd restore SOURCE ${rollbackOf.distribution} VERSION brings a kept version back`,
    facts: { distribution: name },
  });
}
