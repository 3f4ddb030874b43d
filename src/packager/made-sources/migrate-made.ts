import { AppError } from "../../runtime/index.ts";
import type { PackagerContext } from "../packager-context.ts";
import { loadMadeSource } from "./made-source.ts";
import type { MakeSourceJob } from "./request-sources.ts";

export const MIGRATE_MADE_JOB = "migrate-made-source";
export type MigrateMadeJob = MakeSourceJob;

/** Job: take a keyring package that was installed on to the last suite. Safe to run twice: what is there stays there. */
export async function migrateMade(context: PackagerContext, madeSourceId: number): Promise<void> {
  const { source, version, distribution, askedBy } = await loadMadeSource(context.database.read, madeSourceId);
  try {
    const { migrated } = await context.own.migrate({ source, version, distribution, full: true, by: askedBy });
    context.logger.info("keyring package migrated", { source, version, to: migrated.map(({ to }) => to) });
  } catch (error) {
    // Somebody removed or migrated it meanwhile, or something speaks against it: people see to it.
    if (!(error instanceof AppError) || error.kind === "unavailable" || error.kind === "bug") throw error;
    context.logger.warn("keyring package not migrated", { source, version, distribution, code: error.code, error });
  }
}
