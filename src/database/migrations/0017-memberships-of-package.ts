import type { SchemaMigration } from "../migration.ts";

/** SQLite took, for the memberships of a package in a distribution, an index of all that the distribution holds. */
export const membershipsOfPackage: SchemaMigration = {
  id: 17,
  name: "memberships-of-package",
  statements: [
    "drop index binary_memberships_by_package",
    "create index binary_memberships_by_package on binary_memberships (binary_package_id, distribution)",
  ],
};
