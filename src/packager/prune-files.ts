import { readdir, rm, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { PackagerContext } from "./packager-context.ts";
import { LIVE_UPLOAD_STATES } from "./states.ts";
import { timecodeAt } from "./timecode.ts";

export interface PruneAges {
  /** Sources and results of uploads that ended before go. */
  readonly filesBefore: Date;
  /** Their logs too. */
  readonly logsBefore: Date;
}

/** Fewer than the parameters that a statement may have. */
const BATCH_SIZE = 500;
/** Younger directories may be about to be filled. */
const EMPTY_AGE_MS = 60 * 60 * 1000;
const LOG_NAME = /\.buildlog(?:\.gz)?$/;

/**
 * Remove what ended uploads left in HOME/builds, by age, and what belongs to no upload: installed packages are in the
 * pool, failed ones were told with their reasons. Goes by what is on the disk, so that it costs nothing later for what
 * went earlier. Returns how many uploads lost files.
 */
export async function pruneFiles(context: Pick<PackagerContext, "database" | "farm">, ages: PruneAges): Promise<number> {
  const { buildsPath, clock } = context.farm;
  const emptyBefore = clock.now().getTime() - EMPTY_AGE_MS;
  let prunedCount = 0;
  for (const source of await visibleNames(buildsPath)) {
    // Before a version goes, which changes it.
    const isOld = await hasChangedBefore(join(buildsPath, source), emptyBefore);
    for (const version of await visibleNames(join(buildsPath, source))) {
      const directory = join(buildsPath, source, version);
      const isVersionOld = await hasChangedBefore(directory, emptyBefore);
      prunedCount += await pruneVersion(context, { source, version, ages });
      if (isVersionOld) await removeIfEmpty(directory);
    }
    if (isOld) await removeIfEmpty(join(buildsPath, source));
  }
  return prunedCount;
}

async function pruneVersion(
  { database, farm }: Pick<PackagerContext, "database" | "farm">,
  { source, version, ages }: { source: string; version: string; ages: PruneAges },
): Promise<number> {
  const directory = join(farm.buildsPath, source, version);
  const timecodes = (await visibleNames(directory)).filter((timecode) => timecode < timecodeAt(ages.filesBefore));
  let prunedCount = 0;
  for (let start = 0; start < timecodes.length; start += BATCH_SIZE) {
    const batch = timecodes.slice(start, start + BATCH_SIZE);
    const rows = await database.read
      .selectFrom("uploads")
      .select(["timecode", "state", "ended_at"])
      .where(
        "id",
        "in",
        batch.map((timecode) => `${source}/${version}/${timecode}`),
      )
      .execute();
    const known = new Map(rows.map((row) => [row.timecode, row]));
    for (const timecode of batch) {
      const wanted = wantedFiles(known.get(timecode), ages);
      if (wanted !== "all" && (await removeUnwanted(join(directory, timecode), wanted))) prunedCount += 1;
    }
  }
  return prunedCount;
}

type Wanted = "all" | "logs" | "none";

function wantedFiles(row: { readonly state: string; readonly ended_at: string | null } | undefined, ages: PruneAges): Wanted {
  // The row of a rejected upload goes before its directory when a crash comes between.
  if (row === undefined) return "none";
  if ((LIVE_UPLOAD_STATES as readonly string[]).includes(row.state) || row.ended_at === null) return "all";

  if (new Date(row.ended_at) < ages.logsBefore) return "none";
  return new Date(row.ended_at) < ages.filesBefore ? "logs" : "all";
}

/** True when there was something. */
async function removeUnwanted(directory: string, wanted: "logs" | "none"): Promise<boolean> {
  if (wanted === "none") {
    await rm(directory, { recursive: true, force: true });
    return true;
  }
  let isNews = false;
  for (const part of await visibleNames(directory)) {
    const names = await readdir(join(directory, part));
    const unwanted = names.filter((name) => !LOG_NAME.test(name));
    for (const name of unwanted) await rm(join(directory, part, name), { recursive: true, force: true });
    if (unwanted.length === names.length) await rmdir(join(directory, part));
    if (unwanted.length > 0) isNews = true;
  }
  return isNews;
}

/** Directories only; what begins with a dot is staging. */
async function visibleNames(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith(".")).map(({ name }) => name);
}

async function hasChangedBefore(directory: string, beforeMs: number): Promise<boolean> {
  return (await stat(directory)).mtimeMs < beforeMs;
}

async function removeIfEmpty(directory: string): Promise<void> {
  await rmdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOTEMPTY") throw error;
  });
}
