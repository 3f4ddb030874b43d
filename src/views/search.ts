import { sql } from "kysely";
import type { ResultOf, search } from "../operations/index.ts";
import type { ViewContext } from "./context.ts";

type Found = ResultOf<typeof search>;

const SOURCES_MAX = 100;
/** Of each source package and kind. */
const PATHS_MAX = 200;

/** As the original: a glob with `*` at both ends, in lower case. At most 100 source packages. */
export async function searchSources(ctx: ViewContext, pattern: string): Promise<Found> {
  const like = likePattern(pattern);
  const packaged = await ctx.db
    .selectFrom("source_packages")
    .select("name")
    .distinct()
    .where(sql<boolean>`name like ${like} escape '!'`)
    .orderBy("name")
    .limit(SOURCES_MAX)
    .execute();
  const uploaded = await ctx.db
    .selectFrom("uploads")
    .select("source as name")
    .distinct()
    .where(sql<boolean>`source like ${like} escape '!'`)
    .orderBy("source")
    .limit(SOURCES_MAX)
    .execute();

  const names = [...new Set([...packaged, ...uploaded].map(({ name }) => name))].toSorted().slice(0, SOURCES_MAX);
  const result: Found = {};
  for (const name of names) result[name] = await findPaths(ctx, name);
  return result;
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
