import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Database } from "../database/index.ts";

/** What HOME/builds may still hold of a content of the archive: the files of its upload, and what was built of it. */
export async function findCopies(database: Database, buildsPath: string, sha256: string): Promise<string[]> {
  const uploaded = await database.read
    .selectFrom("upload_files")
    .select(["upload_id", "name"])
    .where("sha256", "=", sha256)
    .execute();
  const built = await database.read
    .selectFrom("binary_packages")
    .innerJoin("pool_paths", (join) =>
      join
        .onRef("pool_paths.repository_id", "=", "binary_packages.repository_id")
        .onRef("pool_paths.path", "=", "binary_packages.path"),
    )
    .select(["source", "source_version", "pool_paths.name"])
    .where("pool_paths.sha256", "=", sha256)
    .execute();
  const paths = uploaded.map(({ upload_id, name }) => join(buildsPath, upload_id, "source", name));
  for (const { source, source_version, name } of built) {
    const versionPath = join(buildsPath, source, source_version);
    for (const timecode of await list(versionPath)) {
      const directories = await list(join(versionPath, timecode));
      paths.push(...directories.map((directory) => join(versionPath, timecode, directory, name)));
    }
  }
  return paths;
}

async function list(path: string): Promise<string[]> {
  return readdir(path).catch((): string[] => []);
}
