import { join } from "node:path";
import {
  assessMigration,
  Installability,
  migrate,
  removeSourceVersion,
  restoreSourceVersion,
  undoLastChange,
} from "../archive/index.ts";
import { type CatalogKeeper, PackageLists } from "../catalog/index.ts";
import type { MovementActs } from "../handlers/index.ts";
import { fetchOptions } from "../testbed/index.ts";
import type { Foundation } from "./foundation.ts";

/** The archive's acts with what they need of others: the base archives are the catalog's, the way to them the testbed's. */
export function constructMovement(foundation: Foundation, catalog: CatalogKeeper): MovementActs {
  const { database, location, paths, clock } = foundation;
  const logger = foundation.logger.child({ module: "archive" });
  const baseArchive = new PackageLists({
    directory: join(paths.cache, "package-lists"),
    clock,
    logger,
    buildSources: (codename) => catalog.current.buildSources(codename),
    fetchOptions,
  });
  const installability = new Installability({ db: database.read, location, cachePath: paths.cache, baseArchive, logger });
  const context = { database, installability };
  return {
    migrate: (request) => migrate(context, request),
    preview: (request) => assessMigration(context, request),
    remove: (request) => database.transaction((tx) => removeSourceVersion(tx, request)),
    restore: (request) => database.transaction((tx) => restoreSourceVersion(tx, request)),
    undo: (request) => database.transaction((tx) => undoLastChange(tx, request)),
  };
}
