import { join } from "node:path";
import type { Kysely } from "kysely";
import type { OrderFile } from "../buildorder/index.ts";
import type { BuildsTable, Schema } from "../database/index.ts";
import { AppError } from "../runtime/index.ts";
import { type Build, buildOfRow } from "./build.ts";
import { buildDirectory, buildLogPath } from "./build-paths.ts";
import { LIVE_BUILD_STATES } from "./build-states.ts";
import type { FarmContext } from "./farm-context.ts";

type Reader = Pick<Kysely<Schema>, "selectFrom">;

/** All attempts of an upload's builds, by architecture and attempt. */
export async function listBuilds(db: Reader, uploadId: string): Promise<Build[]> {
  const rows = await db
    .selectFrom("builds")
    .selectAll()
    .where("upload_id", "=", uploadId)
    .orderBy("architecture")
    .orderBy("attempt")
    .execute();
  return withSteps(db, rows);
}

/** The newest attempt per architecture: what counts for the upload. Give a transaction to decide something on it. */
export async function listCurrentBuilds(db: Reader, uploadId: string): Promise<Build[]> {
  const builds = await listBuilds(db, uploadId);
  return builds.filter(({ architecture }, index) => builds[index + 1]?.architecture !== architecture);
}

/** Every build that waits or runs, the next to be leased first. */
export async function listLiveBuilds(db: Reader): Promise<Build[]> {
  const rows = await db
    .selectFrom("builds")
    .selectAll()
    .where("state", "in", LIVE_BUILD_STATES)
    .orderBy("state")
    .orderBy("priority", "desc")
    .orderBy("not_before")
    .orderBy("id")
    .execute();
  return withSteps(db, rows);
}

/** Throws BUILD_NOT_FOUND. */
export async function loadBuild(db: Reader, id: string): Promise<Build> {
  const row = await db.selectFrom("builds").selectAll().where("id", "=", id).executeTakeFirst();
  const [build] = row === undefined ? [] : await withSteps(db, [row]);
  if (build !== undefined) return build;

  throw new AppError({ kind: "not-found", code: "BUILD_NOT_FOUND", message: `there is no build ${id}` });
}

export interface BuiltFile extends OrderFile {
  readonly path: string;
  readonly buildId: string;
  readonly architecture: string;
}

/** What the current builds of an upload delivered: .deb, .udeb, .ddeb, .buildinfo and .changes. */
export async function listBuiltFiles(farm: Pick<FarmContext, "buildsPath">, db: Reader, uploadId: string): Promise<BuiltFile[]> {
  const builds = await listCurrentBuilds(db, uploadId);
  return builds.flatMap((build) =>
    (build.result?.files ?? []).map((file) => ({
      ...file,
      path: join(buildDirectory(farm, build.id), file.name),
      buildId: build.id,
      architecture: build.architecture,
    })),
  );
}

export interface BuildLogLocation {
  /** While the build runs; later the same with ".gz" appended (one gzip stream). Neither may be there yet. */
  readonly path: string;
  /** True when nothing will be written any more. */
  hasEnded(): Promise<boolean>;
}

/** Throws BUILD_NOT_FOUND. */
export async function locateBuildLog(farm: Pick<FarmContext, "buildsPath">, db: Reader, id: string): Promise<BuildLogLocation> {
  const build = await loadBuild(db, id);
  return {
    path: buildLogPath(farm, build),
    hasEnded: async () => {
      const row = await db.selectFrom("builds").select("state").where("id", "=", id).executeTakeFirst();
      return !(LIVE_BUILD_STATES as readonly string[]).includes(row?.state ?? "");
    },
  };
}

async function withSteps(db: Reader, rows: readonly BuildsTable[]): Promise<Build[]> {
  const ids = rows.map(({ id }) => id);
  const steps =
    ids.length === 0
      ? []
      : await db
          .selectFrom("build_steps")
          .selectAll()
          .where("build_id", "in", ids)
          .orderBy("started_at")
          .orderBy("log_offset_bytes")
          .execute();
  return rows.map((row) => buildOfRow(row, steps));
}
