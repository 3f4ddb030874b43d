import type { Kysely } from "kysely";
import type { Schema } from "../database/index.ts";
import { compareVersions, type Version } from "../formats/index.ts";
import { portions } from "./portions.ts";

/** A version of a source package in a distribution now. */
export interface SourceInDistribution {
  readonly repositoryId: string;
  readonly distribution: string;
  readonly name: string;
  readonly version: Version;
  readonly component: string;
  readonly section: string;
  /** Below the repository. */
  readonly dscPath: string;
  readonly dscSha256: string;
}

/**
 * Every version of a source package in distributions now, newest first. Kept older versions are among them. Without
 * distributions: in all.
 */
export async function listSourceVersions(
  db: Kysely<Schema>,
  source: string,
  distributions?: readonly string[],
): Promise<SourceInDistribution[]> {
  const rows = await db
    .selectFrom("source_packages as packages")
    .innerJoin("source_memberships as members", "members.source_package_id", "packages.id")
    .innerJoin("source_package_files as files", (join) =>
      join.onRef("files.source_package_id", "=", "packages.id").onRef("files.path", "=", "packages.dsc_path"),
    )
    .select([
      "packages.repository_id",
      "members.distribution",
      "packages.name",
      "packages.version",
      "packages.component",
      "packages.section",
      "packages.dsc_path",
      "files.sha256",
    ])
    .where("packages.name", "=", source)
    .where("members.valid_to", "is", null)
    .orderBy("members.distribution")
    .execute();
  // Not in the query: planners would begin with all that the distribution holds.
  return rows
    .filter((row) => distributions === undefined || distributions.includes(row.distribution))
    .map(sourceInDistribution)
    .sort((a, b) => compareVersions(b.version, a.version));
}

/** The newest version of a source package in a distribution now. */
export async function findNewestSource(
  db: Kysely<Schema>,
  source: string,
  distribution: string,
): Promise<SourceInDistribution | undefined> {
  return (await listSourceVersions(db, source, [distribution]))[0];
}

export interface BinaryInDistribution {
  readonly packageId: number;
  readonly distribution: string;
  readonly name: string;
  readonly version: Version;
  readonly architecture: string;
  readonly kind: string;
  readonly component: string;
  readonly source: string;
  readonly sourceVersion: Version;
  readonly description: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** The binary packages that a version of a source package has in a distribution now. */
export async function listBinaries(
  db: Kysely<Schema>,
  distribution: string,
  source: { readonly name: string; readonly version: string },
): Promise<BinaryInDistribution[]> {
  const rows = await db
    .selectFrom("binary_packages as packages")
    .innerJoin("binary_memberships as members", "members.binary_package_id", "packages.id")
    .select([
      "packages.id as packageId",
      "members.distribution",
      "packages.name",
      "packages.version",
      "architecture",
      "kind",
      "component",
      "source",
      "source_version",
      "description",
      "path",
      "size_bytes",
      "sha256",
    ])
    .where("members.valid_to", "is", null)
    .where("packages.source", "=", source.name)
    .where("packages.source_version", "=", source.version)
    .orderBy("packages.name")
    .orderBy("architecture")
    .execute();
  // As in listSourceVersions.
  const here = rows.filter((row) => row.distribution === distribution);
  return here.map(({ source_version, size_bytes, version, ...row }) => ({
    ...row,
    version: version as Version,
    sourceVersion: source_version as Version,
    sizeBytes: size_bytes,
  }));
}

/** What their stanzas in Packages say, in the order of their names. */
export async function listStanzas(
  db: Kysely<Schema>,
  binaries: readonly Pick<BinaryInDistribution, "packageId">[],
): Promise<{ name: string; version: string; architecture: string; stanza: string }[]> {
  const found = [];
  for (const some of portions(binaries)) {
    const rows = await db
      .selectFrom("binary_packages")
      .select(["name", "version", "architecture", "stanza"])
      .where(
        "id",
        "in",
        some.map(({ packageId }) => packageId),
      )
      .orderBy("name")
      .execute();
    found.push(...rows);
  }
  return found;
}

/** Whether it holds any package now. */
export async function holdsPackages(db: Kysely<Schema>, distribution: string): Promise<boolean> {
  for (const table of ["source_memberships", "binary_memberships"] as const) {
    const row = await db
      .selectFrom(table)
      .select("id")
      .where("distribution", "=", distribution)
      .where("valid_to", "is", null)
      .limit(1)
      .executeTakeFirst();
    if (row !== undefined) return true;
  }
  return false;
}

/** How many source and binary packages (all versions) a distribution holds now. */
export async function countPackages(db: Kysely<Schema>, distribution: string): Promise<{ sources: number; binaries: number }> {
  const count = async (table: "source_memberships" | "binary_memberships"): Promise<number> => {
    const { total } = await db
      .selectFrom(table)
      .select((builder) => builder.fn.countAll<number>().as("total"))
      .where("distribution", "=", distribution)
      .where("valid_to", "is", null)
      .executeTakeFirstOrThrow();
    return total;
  };
  return { sources: await count("source_memberships"), binaries: await count("binary_memberships") };
}

interface SourceRow {
  readonly repository_id: string;
  readonly distribution: string;
  readonly name: string;
  readonly version: string;
  readonly component: string;
  readonly section: string;
  readonly dsc_path: string;
  readonly sha256: string;
}

function sourceInDistribution(row: SourceRow): SourceInDistribution {
  const { distribution, name, component, section } = row;
  return {
    repositoryId: row.repository_id,
    distribution,
    name,
    version: row.version as Version,
    component,
    section,
    dscPath: row.dsc_path,
    dscSha256: row.sha256,
  };
}
