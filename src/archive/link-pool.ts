import { link, lstat, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Kysely } from "kysely";
import type { Schema } from "../database/index.ts";
import { makeDirectory, syncDirectory } from "../runtime/index.ts";
import type { ArchivePaths } from "./archive-paths.ts";

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

  const directories = new Set<string>();
  for (const { path, sha256 } of rows) {
    const linkPath = join(paths.repository(repositoryId), path);
    await makeDirectory(dirname(linkPath));
    await linkFile(paths.content(sha256), linkPath);
    directories.add(dirname(linkPath));
  }
  for (const directory of directories) await syncDirectory(directory);
  return rows.map(({ path }) => path);
}

async function linkFile(contentPath: string, linkPath: string): Promise<void> {
  try {
    await link(contentPath, linkPath);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const [wanted, there] = await Promise.all([lstat(contentPath), lstat(linkPath)]);
    if (wanted.ino === there.ino) return;

    // A link from before a crash whose rows were rolled back: nobody was told of it.
    const temporaryPath = `${linkPath}.tmp`;
    await rm(temporaryPath, { force: true });
    await link(contentPath, temporaryPath);
    await rename(temporaryPath, linkPath);
  }
}
