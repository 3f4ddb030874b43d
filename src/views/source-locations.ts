import { compareVersions, isVersion, type Version } from "../formats/index.ts";
import { AppError } from "../runtime/index.ts";
import type { ViewContext } from "./context.ts";
import { isSameVersion, type SourceVersionRow, sourceVersions } from "./packages.ts";
import { nextDistribution, type ServedDistribution, type ServedRepository } from "./served.ts";

export interface SourceSelection {
  readonly source: string;
  readonly repositories?: readonly string[] | undefined;
  readonly codenames?: readonly string[] | undefined;
  readonly version?: string | undefined;
  readonly min_version?: string | undefined;
}

/** Where a source package is: the newest version of a distribution, and the older ones kept there. */
export interface SourceLocation {
  readonly repository: ServedRepository;
  readonly distribution: ServedDistribution;
  readonly newest: SourceVersionRow;
  /** Newest first: rollback 0, 1, … of the original; only those asked for. */
  readonly older: readonly { readonly rollback: number; readonly row: SourceVersionRow }[];
  readonly next: ServedDistribution | undefined;
  /** The newest version is in the next one too. */
  readonly isMigrated: boolean;
}

/** Every distribution that has a version that was asked for. Throws ARGUMENT_INVALID for text that is no version. */
export async function findSourceLocations(ctx: ViewContext, selection: SourceSelection): Promise<SourceLocation[]> {
  const isWanted = versionFilter(selection);
  const locations: SourceLocation[] = [];
  for (const repository of ctx.served()) {
    if (selection.repositories?.includes(repository.id) === false) continue;
    for (const distribution of repository.distributions) {
      if (selection.codenames?.includes(distribution.codename) === false) continue;
      const versionsIn = (name: string): Promise<SourceVersionRow[]> =>
        sourceVersions(ctx.db, { repository: repository.id, distribution: name }, [selection.source]);
      const [newest, ...rest] = await versionsIn(distribution.name);
      const older = rest.map((row, rollback) => ({ rollback, row })).filter(({ row }) => isWanted(row.version));
      if (newest === undefined || (!isWanted(newest.version) && older.length === 0)) continue;

      const next = nextDistribution(repository, distribution);
      const above = next === undefined ? [] : await versionsIn(next.name);
      const isMigrated = above.some((row) => isSameVersion(row, newest));
      locations.push({ repository, distribution, newest, older, next, isMigrated });
    }
  }
  return locations;
}

function versionFilter({ version, min_version: minVersion }: SourceSelection): (candidate: string) => boolean {
  const exact = version === undefined ? undefined : requireVersion("version", version);
  const least = minVersion === undefined ? undefined : requireVersion("min_version", minVersion);
  return (candidate) =>
    (exact === undefined || candidate === exact) && (least === undefined || compareVersions(candidate as Version, least) >= 0);
}

function requireVersion(name: string, text: string): Version {
  if (isVersion(text)) return text;

  throw new AppError({
    kind: "invalid",
    code: "ARGUMENT_INVALID",
    message: `Argument ${name} is wrong: ${JSON.stringify(text.slice(0, 100))} is no Debian version`,
    hint: "A version looks like 2.10-3~test12+1",
  });
}

/** Paths of the .changes that brought a version, newest first, as the original names them. */
export async function changesPaths(ctx: ViewContext, source: string, version: string): Promise<string[]> {
  const rows = await ctx.db
    .selectFrom("uploads")
    .select(["id", "changes_name", "state", "received_at"])
    .where("source", "=", source)
    .where("version", "=", version)
    .execute();
  const installed = rows.filter((row) => row.state === "installed").sort((a, b) => (a.received_at < b.received_at ? 1 : -1));
  return installed.map((row) => `${row.id}/source/${row.changes_name}`);
}
