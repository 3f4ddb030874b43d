import { join } from "node:path";
import { AppError } from "../runtime/index.ts";
import type { BuildLogSource } from "./build-log.ts";
import type { ViewContext } from "./context.ts";

const LIVE_STATES = ["waiting", "leased"];

/** The log of a build, by its id; its file may not be there yet. Throws BUILD_NOT_FOUND (not-found). */
export async function findBuildLog(ctx: ViewContext, buildId: string): Promise<BuildLogSource> {
  const build = await ctx.db.selectFrom("builds").select("id").where("id", "=", buildId).executeTakeFirst();
  if (build === undefined) throw buildNotFound(buildId);

  return {
    path: logFilePath(ctx.buildsPath, buildId),
    hasEnded: async () => {
      const row = await ctx.db.selectFrom("builds").select("state").where("id", "=", buildId).executeTakeFirst();
      return row === undefined || !LIVE_STATES.includes(row.state);
    },
  };
}

/**
 * As `farm` writes it: each attempt has a directory of its own (`amd64~2`), the name of the file is the same. The
 * id's parts have been checked when the build was made: no slash, no leading dot.
 */
export function logFilePath(buildsPath: string, buildId: string): string {
  const [source = "", version = "", timecode = "", attempt = ""] = buildId.split("/");
  const fileVersion = version.replace(/^[0-9]+:/, "");
  const architecture = attempt.replace(/~[0-9]+$/, "");
  return join(buildsPath, source, version, timecode, attempt, `${source}_${fileVersion}_${architecture}.buildlog`);
}

function buildNotFound(buildId: string): AppError {
  return new AppError({
    kind: "not-found",
    code: "BUILD_NOT_FOUND",
    message: `there is no build ${buildId}`,
    hint: "A build id is source/version/timecode/architecture, as on the page of its upload",
  });
}
