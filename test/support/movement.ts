import {
  assessMigration,
  Installability,
  migrate,
  removeSourceVersion,
  restoreSourceVersion,
  undoLastChange,
} from "../../src/archive/index.ts";
import type { Database, DatabaseLocation } from "../../src/database/index.ts";
import type { MovementActs } from "../../src/handlers/index.ts";
import { silentLogger } from "../../src/runtime/index.ts";

/** The archive's acts as the daemon puts them together, with lists of a test's own as the base archive. */
export function makeMovement(options: {
  readonly database: Database;
  readonly location: DatabaseLocation;
  readonly cachePath: string;
  readonly listPackagesFiles?: () => Promise<readonly string[]>;
}): MovementActs {
  const { database, location, cachePath, listPackagesFiles = async () => [] } = options;
  const installability = new Installability({
    db: database.read,
    location,
    cachePath,
    baseArchive: { listPackagesFiles },
    logger: silentLogger,
  });
  const context = { database, installability };
  return {
    migrate: (request) => migrate(context, request),
    preview: (request) => assessMigration(context, request),
    remove: (request) => database.transaction((tx) => removeSourceVersion(tx, request)),
    restore: (request) => database.transaction((tx) => restoreSourceVersion(tx, request)),
    undo: (request) => database.transaction((tx) => undoLastChange(tx, request)),
  };
}
