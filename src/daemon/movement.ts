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
import type { Transaction } from "../database/index.ts";
import { enqueueOutlook } from "../farm/index.ts";
import type { MovementActs } from "../handlers/index.ts";
import { fetchOptions } from "../testbed/index.ts";
import type { Foundation } from "./foundation.ts";
import type { HomePaths } from "./home.ts";

/** The archive's acts with what they need of others: the base archives are the catalog's, the way to them the testbed's. */
export function constructMovement(
  foundation: Pick<Foundation, "database" | "location" | "clock" | "logger"> & { readonly paths: Pick<HomePaths, "cache"> },
  catalog: Pick<CatalogKeeper, "current">,
): MovementActs {
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
  const change = <Result>(act: (tx: Transaction) => Promise<Result>): Promise<Result> =>
    database.transaction(async (tx) => {
      const result = await act(tx);
      await enqueueOutlook(tx);
      return result;
    });
  return {
    migrate: async (request) => {
      const result = await migrate(context, request);
      // Not with it: should we die between, builds that wait are tried by themselves some time later.
      await database.transaction(enqueueOutlook);
      return result;
    },
    preview: (request) => assessMigration(context, request),
    remove: (request) => change((tx) => removeSourceVersion(tx, request)),
    restore: (request) => change((tx) => restoreSourceVersion(tx, request)),
    undo: (request) => change((tx) => undoLastChange(tx, request)),
  };
}
