import type { Kysely } from "kysely";
import type { Schema } from "../database/index.ts";
import { compareVersions, type Version } from "../formats/index.ts";

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
  let query = sourcesQuery(db).where("packages.name", "=", source);
  if (distributions !== undefined) query = query.where("members.distribution", "in", [...distributions]);
  const found = await query.orderBy("members.distribution").execute();
  return found.map(sourceInDistribution).sort((a, b) => compareVersions(b.version, a.version));
}

/** The newest version of a source package in a distribution now. */
export async function findNewestSource(
  db: Kysely<Schema>,
  source: string,
  distribution: string,
): Promise<SourceInDistribution | undefined> {
  return (await listSourceVersions(db, source, [distribution]))[0];
}

export interface PageOptions {
  /** Part of the source package's name. */
  readonly contains?: string | undefined;
  /** Names after this one. */
  readonly afterName?: string | undefined;
  /** Source package names per page. */
  readonly limit: number;
}

/** A page of what a distribution holds now, by source package name; all versions of a name are on one page. */
export async function listDistributionSources(
  db: Kysely<Schema>,
  distribution: string,
  options: PageOptions,
): Promise<SourceInDistribution[]> {
  let names = sourcesQuery(db).clearSelect().select("packages.name").distinct().where("members.distribution", "=", distribution);
  if (options.contains !== undefined) {
    const escaped = options.contains.replaceAll(/[\\%_]/g, (character) => `\\${character}`);
    names = names.where((where) => where(where.ref("packages.name"), "like", where.val(`%${escaped}%`)));
  }
  if (options.afterName !== undefined) names = names.where("packages.name", ">", options.afterName);
  const page = await names.orderBy("packages.name").limit(options.limit).execute();
  if (page.length === 0) return [];

  const found = await sourcesQuery(db)
    .where("members.distribution", "=", distribution)
    .where(
      "packages.name",
      "in",
      page.map(({ name }) => name),
    )
    .execute();
  return found
    .map(sourceInDistribution)
    .sort((a, b) => (a.name === b.name ? compareVersions(b.version, a.version) : a.name < b.name ? -1 : 1));
}

export interface BinaryInDistribution {
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
    .selectFrom("binary_memberships as members")
    .innerJoin("binary_packages as packages", "packages.id", "members.binary_package_id")
    .select([
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
    .where("members.distribution", "=", distribution)
    .where("members.valid_to", "is", null)
    .where("packages.source", "=", source.name)
    .where("packages.source_version", "=", source.version)
    .orderBy("packages.name")
    .orderBy("architecture")
    .execute();
  return rows.map(({ source_version, size_bytes, version, ...row }) => ({
    ...row,
    version: version as Version,
    sourceVersion: source_version as Version,
    sizeBytes: size_bytes,
  }));
}

/** Whether it holds any package now. */
export async function holdsPackages(db: Kysely<Schema>, distribution: string): Promise<boolean> {
  const { sources, binaries } = await countPackages(db, distribution);
  return sources + binaries > 0;
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

function sourcesQuery(db: Kysely<Schema>) {
  return db
    .selectFrom("source_memberships as members")
    .innerJoin("source_packages as packages", "packages.id", "members.source_package_id")
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
    .where("members.valid_to", "is", null);
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
