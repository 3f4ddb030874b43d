import type { SchemaMigration } from "../migration.ts";

/** Where a source package is, over all repositories, without looking at everything in a distribution. */
export const packageNames: SchemaMigration = {
  id: 4,
  name: "package-names",
  statements: [
    `create index source_packages_by_name on source_packages (name)`,
    `create index binary_packages_by_source_name on binary_packages (source, source_version)`,
  ],
};
