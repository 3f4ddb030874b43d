import { sql } from "kysely";
import type { ResultOf, search } from "../operations/index.ts";
import type { ViewContext } from "./context.ts";

type Found = ResultOf<typeof search>;

/** Of each source package and kind. */
const PATHS_MAX = 200;

export interface SearchQuery {
  readonly pattern: string;
  /** Only names after this one. */
  readonly after?: string | undefined;
  /** At most so many source packages. */
  readonly limit: number;
}

/** As the original: a glob with `*` at both ends, in lower case. By name. */
export async function searchSources(ctx: ViewContext, query: SearchQuery): Promise<Found> {
  const result: Found = {};
  for (const name of await findNames(ctx, query)) result[name] = await findPaths(ctx, name);
  return result;
}

/** Both lists come out of an index in the order of names, so each ends as soon as it has enough. */
async function findNames(ctx: ViewContext, { pattern, after = "", limit }: SearchQuery): Promise<readonly string[]> {
  const like = likePattern(pattern);
  const packaged = await ctx.db
    .selectFrom("source_packages")
    .select("name")
    .distinct()
    .where("name", ">", after)
    .where(sql<boolean>`name like ${like} escape '!'`)
    .orderBy("name")
    .limit(limit)
    .execute();
  const uploaded = await ctx.db
    .selectFrom("uploads")
    .select("source as name")
    .distinct()
    .where("source", ">", after)
    .where(sql<boolean>`source like ${like} escape '!'`)
    .orderBy("source")
    .limit(limit)
    .execute();
  return [...new Set([...packaged, ...uploaded].map(({ name }) => name))].toSorted().slice(0, limit);
}

async function findPaths(ctx: ViewContext, source: string): Promise<Found[string]> {
  const packages = await ctx.db
    .selectFrom("source_packages")
    .select(["repository_id", "dsc_path"])
    .where("name", "=", source)
    .orderBy("id", "desc")
    .limit(PATHS_MAX)
    .execute();
  const uploads = await ctx.db
    .selectFrom("uploads")
    .select(["id", "version"])
    .where("source", "=", source)
    .orderBy("received_at", "desc")
    .limit(PATHS_MAX)
    .execute();
  const ids = uploads.map(({ id }) => id);
  const builds =
    ids.length === 0 ? [] : await ctx.db.selectFrom("builds").select("id").where("upload_id", "in", ids).orderBy("id").execute();
  return {
    repositories: packages.map((row) => `${row.repository_id}/${row.dsc_path}`),
    builds: builds.map(({ id }) => buildLogName(id)),
    events: ids,
  };
}

/** `<build id>/<source>_<version>_<architecture>.buildlog`, as the original has it. */
function buildLogName(buildId: string): string {
  const [source = "", version = "", , attempt = ""] = buildId.split("/");
  const architecture = attempt.replace(/~[0-9]+$/, "");
  return `${buildId}/${source}_${version.replace(/^[0-9]+:/, "")}_${architecture}.buildlog`;
}

function likePattern(pattern: string): string {
  const escaped = pattern.toLowerCase().slice(0, 200).replaceAll(/[!%_]/g, "!$&");
  return `%${escaped.replaceAll("*", "%").replaceAll("?", "_")}%`;
}
