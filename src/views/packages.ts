import { type Kysely, sql } from "kysely";
import type { Schema } from "../database/index.ts";
import { compareVersions, type Version } from "../formats/index.ts";
import type { ViewContext } from "./context.ts";
import { rebuiltVersions } from "./rebuilt-versions.ts";
import { nextDistribution, type ServedDistribution, type ServedRepository } from "./served.ts";

export interface BinaryPackageView {
  readonly name: string;
  readonly version: string;
  readonly architectures: readonly string[];
  readonly description: string;
}

/** A source package in a distribution: its newest version there. */
export interface PackageView {
  readonly source: string;
  readonly version: string;
  /** The highest of its binary packages that were built again (binNMUs): "1.0-1+b2". */
  readonly rebuilt_version: string | null;
  readonly component: string;
  readonly section: string;
  /** Kept beside the newest, newest first. */
  readonly older_versions: readonly string[];
  readonly added_at: string;
  /** Path below the server's root. */
  readonly dsc_path: string;
  readonly binaries: readonly BinaryPackageView[];
  /** The upload that brought it. */
  readonly upload: string | null;
  /** The upload that stands for its newest rebuild. */
  readonly rebuild: string | null;
  /** Whether this version is in the next distribution too; null: nothing migrates from here. */
  readonly is_migrated: boolean | null;
}

export interface PackagePage {
  readonly packages: readonly PackageView[];
  /** Give this as `after` for the next ones; null: these are the last. */
  readonly next: string | null;
}

export interface PackageQuery {
  readonly repository: ServedRepository;
  readonly distribution: ServedDistribution;
  /** Part of the source package's name. */
  readonly filter?: string | undefined;
  /** Only source packages whose name sorts after this one. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/** What a distribution holds now, by name of the source package. */
export async function listPackages(ctx: ViewContext, query: PackageQuery): Promise<PackagePage> {
  const place = { repository: query.repository.id, distribution: query.distribution.name };
  const names = await sourceNames(ctx.db, query);
  const shown = names.slice(0, query.limit);
  const sources = await sourceVersions(ctx.db, place, shown);
  const binaries = await binaryPackages(ctx.db, place, shown);
  const next = nextDistribution(query.repository, query.distribution);
  const above = next === undefined ? [] : await sourceVersions(ctx.db, { ...place, distribution: next.name }, shown);
  const uploads = await installedUploads(ctx.db, place.distribution, shown);

  const packages = shown.flatMap((name) => {
    const [newest, ...older] = sources.filter((source) => source.name === name);
    if (newest === undefined) return [];
    return [
      {
        source: name,
        version: newest.version,
        rebuilt_version: newest.rebuilt ?? null,
        component: newest.component,
        section: newest.section,
        older_versions: older.map((source) => source.version),
        added_at: newest.added_at,
        dsc_path: `/repositories/${place.repository}/${newest.dsc_path}`,
        binaries: groupBinaries(binaries.filter((row) => row.source === name && row.source_version === newest.version)),
        upload: uploads.get(`${name} ${newest.version}`) ?? null,
        rebuild: uploads.get(`${name} ${newest.rebuilt}`) ?? null,
        is_migrated: next === undefined ? null : above.some((row) => row.name === name && isSameVersion(row, newest)),
      },
    ];
  });
  return { packages, next: names.length > query.limit ? (shown.at(-1) ?? null) : null };
}

/** Where packages are looked for; a distribution is in one repository, and naming that lets its indexes be used. */
export interface Place {
  readonly repository: string;
  readonly distribution: string;
}

/** Up to so many memberships are all looked at; of more, enough names are hit soon when walking all names in order. */
const FEW_MEMBERSHIPS = 2_000;

async function sourceNames(db: Kysely<Schema>, query: PackageQuery): Promise<string[]> {
  const some = await db
    .selectFrom("source_memberships")
    .select("source_package_id")
    .where("distribution", "=", query.distribution.name)
    .where("valid_to", "is", null)
    .limit(FEW_MEMBERSHIPS + 1)
    .execute();
  const isFew = some.length <= FEW_MEMBERSHIPS;
  const few = isFew ? some.map((row) => row.source_package_id) : [];
  if (isFew && few.length === 0) return [];

  const rows = await db
    .selectFrom("source_packages as packages")
    .select("packages.name")
    .where("packages.repository_id", "=", query.repository.id)
    .where((compare) =>
      isFew
        ? compare("packages.id", "in", few)
        : compare.exists(
            compare
              .selectFrom("source_memberships as members")
              .select("members.id")
              .whereRef("members.source_package_id", "=", "packages.id")
              .where("members.distribution", "=", query.distribution.name)
              .where("members.valid_to", "is", null),
          ),
    )
    .$if(query.after !== undefined, (select) => select.where("packages.name", ">", query.after ?? ""))
    .$if(query.filter !== undefined, (select) =>
      select.where(sql<boolean>`packages.name like ${`%${escapeLike(query.filter ?? "")}%`} escape '!'`),
    )
    .groupBy("packages.name")
    .orderBy("packages.name")
    .limit(query.limit + 1)
    .execute();
  return rows.map((row) => row.name);
}

function escapeLike(text: string): string {
  return text.toLowerCase().replaceAll(/[!%_]/g, "!$&");
}

export interface SourceVersionRow {
  readonly name: string;
  readonly version: string;
  readonly component: string;
  readonly section: string;
  readonly dsc_path: string;
  readonly added_at: string;
  /** Of the binNMUs among its binary packages the highest. */
  readonly rebuilt: string | undefined;
}

/** With the same binNMUs too. */
export function isSameVersion(one: SourceVersionRow, other: SourceVersionRow): boolean {
  return one.version === other.version && one.rebuilt === other.rebuilt;
}

/** Versions of these source packages in a distribution now, newest first. */
export async function sourceVersions(db: Kysely<Schema>, place: Place, names: readonly string[]): Promise<SourceVersionRow[]> {
  if (names.length === 0) return [];

  const rows = await db
    .selectFrom("source_packages as packages")
    .innerJoin("source_memberships as members", "members.source_package_id", "packages.id")
    .select([
      "packages.name",
      "packages.version",
      "packages.component",
      "packages.section",
      "packages.dsc_path",
      "packages.added_at",
    ])
    .where("packages.repository_id", "=", place.repository)
    .where("packages.name", "in", names)
    .where("members.distribution", "=", place.distribution)
    .where("members.valid_to", "is", null)
    .execute();
  const rebuilt = await rebuiltVersions(db, place, names);
  return rows
    .map((row) => ({ ...row, rebuilt: rebuilt.get(`${row.name} ${row.version}`) }))
    .sort((a, b) => compareVersions(b.version as Version, a.version as Version));
}

interface BinaryRow {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly description: string;
  readonly source: string;
  readonly source_version: string;
}

async function binaryPackages(db: Kysely<Schema>, place: Place, sources: readonly string[]): Promise<BinaryRow[]> {
  if (sources.length === 0) return [];

  return db
    .selectFrom("binary_packages as packages")
    .innerJoin("binary_memberships as members", "members.binary_package_id", "packages.id")
    .select([
      "packages.name",
      "packages.version",
      "packages.architecture",
      "packages.description",
      "packages.source",
      "packages.source_version",
    ])
    .where("packages.repository_id", "=", place.repository)
    .where("packages.source", "in", sources)
    .where("members.distribution", "=", place.distribution)
    .where("members.valid_to", "is", null)
    .orderBy("packages.name")
    .orderBy("packages.architecture")
    .execute();
}

function groupBinaries(rows: readonly BinaryRow[]): BinaryPackageView[] {
  const groups = Map.groupBy(rows, (row) => `${row.name} ${row.version}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { name, version, description } = first;
    return [{ name, version, description, architectures: group.map((row) => row.architecture) }];
  });
}

/** "source version" → the newest upload that installed it. */
async function installedUploads(
  db: Kysely<Schema>,
  distribution: string,
  sources: readonly string[],
): Promise<Map<string, string>> {
  if (sources.length === 0) return new Map();

  // By source alone: by state too, the engine may choose to walk all that was ever installed.
  const rows = await db
    .selectFrom("uploads")
    .select(["id", "source", "version", "distribution", "state", "received_at"])
    .where("source", "in", sources)
    .execute();
  const installed = rows.filter((row) => row.state === "installed").sort((a, b) => (a.received_at < b.received_at ? -1 : 1));
  // A migrated version came by an upload to another distribution; one to this very one counts more.
  const own = installed.filter((row) => row.distribution === distribution);
  return new Map([...installed, ...own].map((row) => [`${row.source} ${row.version}`, row.id]));
}

/** Source package versions in each distribution now. */
export async function countPackages(ctx: ViewContext, distributions: readonly string[]): Promise<Map<string, number>> {
  if (distributions.length === 0) return new Map();

  const rows = await ctx.db
    .selectFrom("source_memberships")
    .select((select) => ["distribution", select.fn.countAll<number>().as("count")])
    .where("distribution", "in", distributions)
    .where("valid_to", "is", null)
    .groupBy("distribution")
    .execute();
  return new Map(rows.map((row) => [row.distribution, row.count]));
}
