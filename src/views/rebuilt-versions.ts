import type { Kysely } from "kysely";
import type { Schema } from "../database/index.ts";
import { compareVersions, type Version } from "../formats/index.ts";
import type { Place } from "./packages.ts";

/** A binary package that was built again, from an unchanged source package. */
const BINNMU = /\+b[0-9]+$/;

/** "hello 1.0-1" → "1.0-1+b2": the highest binNMU of each version of these source packages in a distribution now. */
export async function rebuiltVersions(db: Kysely<Schema>, place: Place, names: readonly string[]): Promise<Map<string, string>> {
  if (names.length === 0) return new Map();

  const rows = await db
    .selectFrom("binary_packages as packages")
    .innerJoin("binary_memberships as members", "members.binary_package_id", "packages.id")
    .select(["packages.source", "packages.source_version", "packages.version"])
    .distinct()
    .where("packages.repository_id", "=", place.repository)
    .where("packages.source", "in", names)
    .where("packages.architecture", "!=", "all")
    .where("members.distribution", "=", place.distribution)
    .where("members.valid_to", "is", null)
    .execute();
  const highest = new Map<string, string>();
  for (const { source, source_version: sourceVersion, version } of rows) {
    if (!BINNMU.test(version) || version === sourceVersion) continue;
    const key = `${source} ${sourceVersion}`;
    const known = highest.get(key);
    if (known === undefined || compareVersions(version as Version, known as Version) > 0) highest.set(key, version);
  }
  return highest;
}
