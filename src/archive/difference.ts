import type { Kysely } from "kysely";
import type { Schema } from "../database/index.ts";
import { compareVersions, type Version } from "../formats/index.ts";
import type { PointInHistory } from "./point-in-history.ts";

export type DifferenceKind = "added" | "removed" | "upgraded" | "downgraded";

/** What became of a package's newest version. */
export interface PackageDifference {
  readonly kind: DifferenceKind;
  readonly name: string;
  /** Of a binary package; "source" for a source package. */
  readonly architecture: string;
  /** Absent when it was added. */
  readonly from?: string | undefined;
  /** Absent when it was removed. */
  readonly to?: string | undefined;
}

/** Names in one statement. */
const NAMES_PER_STATEMENT = 400;

/** How a distribution differs between two points, by name; only the newest version of each package counts. */
export async function compareHistory(
  db: Kysely<Schema>,
  distribution: string,
  { from, to }: { readonly from: PointInHistory; readonly to: PointInHistory },
): Promise<PackageDifference[]> {
  const names = await changedNames(db, distribution, [from.change, to.change].sort((a, b) => a - b) as [number, number]);
  const before = await newestAt(db, distribution, names, from.change);
  const after = await newestAt(db, distribution, names, to.change);
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((key) => describeDifference(before.get(key), after.get(key)))
    .filter((difference) => difference !== undefined)
    .sort((a, b) => compareText(a.name, b.name) || compareText(b.architecture, a.architecture));
}

interface NamedVersion {
  readonly name: string;
  readonly architecture: string;
  readonly version: string;
}

function describeDifference(from: NamedVersion | undefined, to: NamedVersion | undefined): PackageDifference | undefined {
  const { name, architecture } = from ?? to ?? { name: "", architecture: "" };
  const versions = { name, architecture, from: from?.version, to: to?.version };
  if (from === undefined) return { kind: "added", ...versions };
  if (to === undefined) return { kind: "removed", ...versions };

  const order = compareVersions(from.version as Version, to.version as Version);
  return order === 0 ? undefined : { kind: order < 0 ? "upgraded" : "downgraded", ...versions };
}

interface ChangedNames {
  readonly sources: readonly string[];
  readonly binaries: readonly string[];
}

/** Names with a membership that holds at one of the changes only: what came or went after the first and up to the second. */
async function changedNames(
  db: Kysely<Schema>,
  distribution: string,
  [first, second]: readonly [number, number],
): Promise<ChangedNames> {
  const sources = await db
    .selectFrom("source_memberships as members")
    .innerJoin("source_packages as packages", "packages.id", "members.source_package_id")
    .select("packages.name")
    .distinct()
    .where("members.distribution", "=", distribution)
    .where((where) =>
      where.or([
        where.and([where("members.valid_from", ">", first), where("members.valid_from", "<=", second)]),
        where.and([where("members.valid_to", ">", first), where("members.valid_to", "<=", second)]),
      ]),
    )
    .execute();
  const binaries = await db
    .selectFrom("binary_memberships as members")
    .innerJoin("binary_packages as packages", "packages.id", "members.binary_package_id")
    .select("packages.name")
    .distinct()
    .where("members.distribution", "=", distribution)
    .where((where) =>
      where.or([
        where.and([where("members.valid_from", ">", first), where("members.valid_from", "<=", second)]),
        where.and([where("members.valid_to", ">", first), where("members.valid_to", "<=", second)]),
      ]),
    )
    .execute();
  return { sources: sources.map(({ name }) => name), binaries: binaries.map(({ name }) => name) };
}

/** The newest version of each of these packages at a change, by kind, name and architecture. */
async function newestAt(
  db: Kysely<Schema>,
  distribution: string,
  names: ChangedNames,
  change: number,
): Promise<Map<string, NamedVersion>> {
  const newest = new Map<string, NamedVersion>();
  for (const some of inPortions(names.sources)) {
    const rows = await db
      .selectFrom("source_packages as packages")
      .innerJoin("source_memberships as members", "members.source_package_id", "packages.id")
      .select(["packages.name", "packages.version"])
      .where("packages.name", "in", some)
      .where("members.distribution", "=", distribution)
      .where("members.valid_from", "<=", change)
      .where((where) => where.or([where("members.valid_to", "is", null), where("members.valid_to", ">", change)]))
      .execute();
    for (const row of rows) keepNewer(newest, `source ${row.name}`, { ...row, architecture: "source" });
  }
  for (const some of inPortions(names.binaries)) {
    const rows = await db
      .selectFrom("binary_packages as packages")
      .innerJoin("binary_memberships as members", "members.binary_package_id", "packages.id")
      .select(["packages.kind", "packages.name", "packages.architecture", "packages.version"])
      .where("packages.name", "in", some)
      .where("members.distribution", "=", distribution)
      .where("members.valid_from", "<=", change)
      .where((where) => where.or([where("members.valid_to", "is", null), where("members.valid_to", ">", change)]))
      .execute();
    for (const row of rows) keepNewer(newest, `${row.kind} ${row.name} ${row.architecture}`, row);
  }
  return newest;
}

function keepNewer(newest: Map<string, NamedVersion>, key: string, { name, architecture, version }: NamedVersion): void {
  const known = newest.get(key);
  if (known !== undefined && compareVersions(known.version as Version, version as Version) >= 0) return;
  newest.set(key, { name, architecture, version });
}

function inPortions(names: readonly string[]): string[][] {
  const count = Math.ceil(names.length / NAMES_PER_STATEMENT);
  return Array.from({ length: count }, (_, index) => names.slice(index * NAMES_PER_STATEMENT, (index + 1) * NAMES_PER_STATEMENT));
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
