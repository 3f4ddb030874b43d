import type { SchemaMigration } from "../migration.ts";
import { core } from "./0001-core.ts";
import { archive } from "./0002-archive.ts";
import { lists } from "./0003-lists.ts";
import { packageNames } from "./0004-package-names.ts";
import { indexes } from "./0006-indexes.ts";
import { movement } from "./0007-movement.ts";
import { history } from "./0008-history.ts";
import { extraSources } from "./0009-extra-sources.ts";
import { buildSeries } from "./0010-build-series.ts";
import { accounts } from "./0011-accounts.ts";
import { madeSources } from "./0012-made-sources.ts";
import { eventReaders } from "./0013-event-readers.ts";
import { sshKeys } from "./0014-ssh-keys.ts";
import { eventFilters } from "./0015-event-filters.ts";
import { singleIndexes } from "./0016-single-indexes.ts";
import { membershipsOfPackage } from "./0017-memberships-of-package.ts";

/** All schema migrations in order. Append only. */
export const schemaMigrations: readonly SchemaMigration[] = [
  core,
  archive,
  lists,
  packageNames,
  indexes,
  movement,
  history,
  extraSources,
  buildSeries,
  accounts,
  madeSources,
  eventReaders,
  sshKeys,
  eventFilters,
  singleIndexes,
  membershipsOfPackage,
];
