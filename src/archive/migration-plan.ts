import type { Kysely } from "kysely";
import type { Schema } from "../database/index.ts";
import { architectureMatches, compareVersions, fieldValue, parseDeb822Stanza, type Version } from "../formats/index.ts";
import { AppError } from "../runtime/index.ts";
import type { DistributionSettings } from "./distribution-settings.ts";
import { loadDistribution, type StoredDistribution } from "./distributions.ts";
import { membersBySourceVersion, type SourceVersionMembers } from "./membership.ts";
import { notThere } from "./remove.ts";
import { loadWritableDistribution } from "./writable-distribution.ts";

export interface MigrationRequest {
  readonly source: string;
  /** Where it is now. */
  readonly distribution: string;
  /** Default: the newest there. */
  readonly version?: string | undefined;
  /** On to the last suite, not only to the next. */
  readonly full?: boolean | undefined;
}

/** Why a migration is refused. All but the first two can be overridden. */
export type MigrationProblemCode =
  | "MIGRATION_NOWHERE"
  | "MIGRATION_ALREADY_THERE"
  | "MIGRATION_ARCHITECTURE_MISSING"
  | "MIGRATION_TARGET_NEWER"
  | "MIGRATION_BREAKS"
  | "MIGRATION_UNCHECKED";

export interface MigrationProblem {
  readonly code: MigrationProblemCode;
  /** The target. */
  readonly distribution: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** A source package with its binary packages of all architectures on its way up. */
export interface MigrationPlan {
  readonly source: string;
  readonly version: string;
  readonly from: StoredDistribution;
  readonly packages: PlannedPackage[];
  readonly sourcePackageIds: readonly number[];
  /** One for each distribution that it enters; empty when there is none. */
  readonly hops: readonly MigrationHop[];
  readonly problems: readonly MigrationProblem[];
}

export interface PlannedPackage {
  readonly id: number;
  readonly kind: string;
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

export interface MigrationHop {
  readonly from: string;
  readonly to: StoredDistribution;
  /** Newer versions there, which leave when the migration is forced. Newest first. */
  readonly newer: readonly string[];
  /** Older versions there that will not be kept any more. Newest first. */
  readonly dropped: readonly string[];
  /** Higher binary packages of the very version there (binNMUs), which leave when the migration is forced. */
  readonly newerBinaries: readonly PlannedPackage[];
  /** The newest there before. */
  readonly replaced: string | undefined;
  readonly isThere: boolean;
}

/**
 * What a migration would do, and all that the database alone knows against it. Throws `not-found` DISTRIBUTION_UNKNOWN,
 * PACKAGE_NOT_THERE; `conflict` DISTRIBUTION_READ_ONLY.
 */
export async function planMigration(db: Kysely<Schema>, request: MigrationRequest): Promise<MigrationPlan> {
  const { source } = request;
  const from = await loadWritableDistribution(db, request.distribution);
  const members = await membersBySourceVersion(db, from.settings, source);
  const version = request.version ?? newestFirst(members.keys())[0];
  const moving = version === undefined ? undefined : members.get(version);
  if (version === undefined || moving === undefined || moving.sourcePackageIds.length === 0) throw notThere(request);

  const packages = await findPackages(db, moving.binaryPackageIds);
  const hops: MigrationHop[] = [];
  for (const [below, to] of await stairs(db, from, request.full ?? false)) {
    hops.push(await planHop(db, { from: below, to, source, version, moving, packages }));
  }
  const architectures = await sourceArchitectures(db, moving.sourcePackageIds);
  const planned = { source, version, from, packages, sourcePackageIds: moving.sourcePackageIds, hops };
  return { ...planned, problems: findProblems(planned, architectures) };
}

/** Each step up: the name of the lower distribution, and the upper one. */
async function stairs(
  db: Kysely<Schema>,
  from: StoredDistribution,
  isFull: boolean,
): Promise<[from: string, to: StoredDistribution][]> {
  const steps: [string, StoredDistribution][] = [];
  let { name, migratesTo } = from.settings;
  while (migratesTo !== undefined) {
    const to = await loadDistribution(db, migratesTo);
    steps.push([name, to]);
    // A layout has no circles; stored settings are not trusted to have none.
    if (!isFull || steps.some(([below]) => below === to.settings.name)) break;
    ({ name, migratesTo } = to.settings);
  }
  return steps;
}

interface HopInput {
  readonly from: string;
  readonly to: StoredDistribution;
  readonly source: string;
  readonly version: string;
  readonly moving: SourceVersionMembers;
  readonly packages: readonly PlannedPackage[];
}

async function planHop(db: Kysely<Schema>, { from, to, source, version, moving, packages }: HopInput): Promise<MigrationHop> {
  const members = await membersBySourceVersion(db, to.settings, source);
  const versions = newestFirst(members.keys());
  const newer = versions.filter((there) => compareVersions(there as Version, version as Version) > 0);
  const older = versions.filter((there) => compareVersions(there as Version, version as Version) < 0);
  const same = members.get(version);
  return {
    from,
    to,
    newer,
    dropped: older.slice(to.settings.keep),
    newerBinaries: higherThan(packages, await findPackages(db, same?.binaryPackageIds ?? [])),
    replaced: versions.find((there) => there !== version),
    isThere:
      moving.sourcePackageIds.every((id) => same?.sourcePackageIds.includes(id)) &&
      moving.binaryPackageIds.every((id) => same?.binaryPackageIds.includes(id)),
  };
}

function higherThan(moving: readonly PlannedPackage[], there: readonly PlannedPackage[]): PlannedPackage[] {
  return there.filter((old) =>
    moving.some(
      ({ kind, name, architecture, version }) =>
        kind === old.kind &&
        name === old.name &&
        architecture === old.architecture &&
        compareVersions(old.version as Version, version as Version) > 0,
    ),
  );
}

async function findPackages(db: Kysely<Schema>, ids: readonly number[]): Promise<PlannedPackage[]> {
  if (ids.length === 0) return [];
  return db
    .selectFrom("binary_packages")
    .select(["id", "kind", "name", "version", "architecture"])
    .where("id", "in", ids)
    .orderBy("name")
    .orderBy("architecture")
    .orderBy("version")
    .execute();
}

/** Architectures and wildcards that the source package has binary packages for. */
async function sourceArchitectures(db: Kysely<Schema>, ids: readonly number[]): Promise<string[]> {
  const rows = await db.selectFrom("source_packages").select("stanza").where("id", "in", ids).execute();
  const fields = rows.map(({ stanza }) => fieldValue(parseDeb822Stanza(stanza), "Architecture") ?? "");
  return fields.flatMap((field) => field.split(/\s+/)).filter((name) => name !== "");
}

function findProblems(plan: Omit<MigrationPlan, "problems">, architectures: readonly string[]): MigrationProblem[] {
  const { source, version, from, hops } = plan;
  if (hops.length === 0) return [nowhere(from.settings.name)];
  if (hops.every(({ isThere }) => isThere)) return hops.map(({ to }) => alreadyThere(plan, to.settings.name));

  return hops
    .filter(({ isThere }) => !isThere)
    .flatMap(({ to, newer, newerBinaries }) => [
      ...missingArchitectures(plan, architectures, to.settings),
      ...newer.map(
        (there): MigrationProblem => ({
          code: "MIGRATION_TARGET_NEWER",
          distribution: to.settings.name,
          message: `${to.settings.name} has the newer ${source} ${there}, and ${version} was to come`,
          hint: `Migrate a newer version, or force it: then ${there} leaves`,
        }),
      ),
      ...newerBinaries.map(
        (there): MigrationProblem => ({
          code: "MIGRATION_TARGET_NEWER",
          distribution: to.settings.name,
          message: `${to.settings.name} has the higher ${there.name} ${there.version} (${there.architecture}) of ${source} ${version}`,
          hint: `Rebuild it where it comes from, or force it: then ${there.version} leaves`,
        }),
      ),
    ]);
}

function missingArchitectures(
  { source, version, from, packages }: Omit<MigrationPlan, "problems">,
  wildcards: readonly string[],
  target: DistributionSettings,
): MigrationProblem[] {
  const mandatory = target.architectures.filter((name) => !target.optionalArchitectures?.includes(name));
  const wanted = mandatory.filter((name) =>
    wildcards.some((wildcard) => wildcard !== "all" && architectureMatches(name, wildcard)),
  );
  if (wildcards.includes("all")) wanted.push("all");
  return wanted
    .filter((name) => !packages.some((planned) => planned.architecture === name))
    .map((name) => ({
      code: "MIGRATION_ARCHITECTURE_MISSING",
      distribution: target.name,
      message: `${from.settings.name} has no binary packages of ${source} ${version} for ${name}`,
      hint: `Have it built for ${name}, or make the architecture optional`,
    }));
}

function nowhere(distribution: string): MigrationProblem {
  return {
    code: "MIGRATION_NOWHERE",
    distribution,
    message: `nothing migrates from ${distribution}`,
    hint: "The layout says where suites migrate to: mini-buildd status --with-repositories",
  };
}

function alreadyThere({ source, version }: { source: string; version: string }, distribution: string): MigrationProblem {
  return { code: "MIGRATION_ALREADY_THERE", distribution, message: `${source} ${version} is in ${distribution} already` };
}

function newestFirst(versions: Iterable<string>): string[] {
  return [...versions].sort((a, b) => compareVersions(b as Version, a as Version));
}

/** Says everything that speaks against it at once. */
export function migrationRefused(plan: MigrationPlan, problems: readonly MigrationProblem[]): AppError {
  const onlyForced = problems.every(({ code }) => isOverridable(code));
  return new AppError({
    kind: "conflict",
    code: "MIGRATION_REFUSED",
    message: `${plan.source} ${plan.version} does not migrate from ${plan.from.settings.name}:\n${problems.map(formatProblem).join("\n")}`,
    hint: onlyForced
      ? "Solve these, or override them (force); mini-buildd migration-preview shows all that would happen"
      : "mini-buildd migration-preview shows what would happen",
    facts: { problems },
  });
}

export function isOverridable(code: MigrationProblemCode): boolean {
  return code !== "MIGRATION_NOWHERE" && code !== "MIGRATION_ALREADY_THERE";
}

function formatProblem({ message, hint }: MigrationProblem): string {
  return `  ${message.replaceAll("\n", "\n  ")}${hint === undefined ? "" : ` (${hint})`}`;
}
