import { linkSync, lstatSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Kysely } from "kysely";
import type { Schema } from "../database/index.ts";
import { syncDirectory, syncFileSystem } from "../runtime/index.ts";
import type { ArchivePaths } from "./archive-paths.ts";

/** At a time: between them, others of this process have their turn. */
const LINKS_PER_TURN = 64;
/** More directories than this are written out together with the rest of their file system. */
const SYNCED_APART_MAX = 64;

/**
 * Give the files that were placed since the last publication their links below repositories/<id>/. Returns their
 * paths; the caller records them as linked. May be repeated after a crash.
 */
export async function linkPoolFiles(db: Kysely<Schema>, paths: ArchivePaths, repositoryId: string): Promise<string[]> {
  const rows = await db
    .selectFrom("pool_paths")
    .select(["path", "sha256"])
    .where("repository_id", "=", repositoryId)
    .where("is_linked", "=", 0)
    .execute();

  const repositoryPath = paths.repository(repositoryId);
  const touched = new Set<string>();
  for (const [index, { path, sha256 }] of rows.entries()) {
    if (index % LINKS_PER_TURN === LINKS_PER_TURN - 1) await setImmediate();
    const linkPath = join(repositoryPath, path);
    makeDirectories(dirname(linkPath), touched);
    linkFile(paths.content(sha256), linkPath);
  }
  if (touched.size > SYNCED_APART_MAX) await syncFileSystem(repositoryPath);
  else await Promise.all([...touched].map((directory) => syncDirectory(directory)));
  return rows.map(({ path }) => path);
}

/** With all above that had to be made: those must be on the disk too. */
function makeDirectories(path: string, touched: Set<string>): void {
  if (touched.has(path)) return;

  touched.add(path);
  const first = mkdirSync(path, { recursive: true, mode: 0o755 });
  if (first === undefined) return;
  for (let at = path; at.length >= first.length; at = dirname(at)) touched.add(dirname(at));
}

function linkFile(contentPath: string, linkPath: string): void {
  try {
    linkSync(contentPath, linkPath);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    if (lstatSync(contentPath).ino === lstatSync(linkPath).ino) return;

    // A link from before a crash whose rows were rolled back: nobody was told of it.
    const temporaryPath = `${linkPath}.tmp`;
    rmSync(temporaryPath, { force: true });
    linkSync(contentPath, temporaryPath);
    renameSync(temporaryPath, linkPath);
  }
}
