import type { Kysely } from "kysely";
import type { PoolPathsTable, Schema, Transaction } from "../database/index.ts";
import { builtUsingOf } from "./built-using.ts";

/**
 * What nothing refers to any more, and its deletion, a page of rows at a time. Each looks and deletes in the caller's
 * transaction: what came back meanwhile stays. `installed_identities` are not touched, ever.
 */

/** Ids of the next page of a table. */
export async function nextIds(
  db: Kysely<Schema>,
  table: "source_packages" | "binary_packages",
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<number[]> {
  const rows = await db.selectFrom(table).select("id").where("id", ">", after).orderBy("id").limit(limit).execute();
  return rows.map(({ id }) => id);
}

/** Of these, the binary packages that are in no distribution and no history. Returns how many went. */
export async function deleteBinaryPackages(tx: Transaction, ids: readonly number[], addedBefore: Date): Promise<number> {
  const rows = await tx
    .selectFrom("binary_packages as packages")
    .select("packages.id")
    .where("packages.id", "in", ids)
    .where("packages.added_at", "<", addedBefore.toISOString())
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom("binary_memberships as members")
            .select("members.id")
            .whereRef("members.binary_package_id", "=", "packages.id"),
        ),
      ),
    )
    .execute();
  const unreferenced = rows.map(({ id }) => id);
  if (unreferenced.length > 0) await tx.deleteFrom("binary_packages").where("id", "in", unreferenced).execute();
  return unreferenced.length;
}

/** Of these, the source packages that are in no distribution, no history and no Built-Using. Returns how many went. */
export async function deleteSourcePackages(
  tx: Transaction,
  ids: readonly number[],
  { addedBefore, builtUsing }: { readonly addedBefore: Date; readonly builtUsing: ReadonlySet<string> },
): Promise<number> {
  const rows = await tx
    .selectFrom("source_packages as packages")
    .select(["packages.id", "packages.repository_id", "packages.name", "packages.version"])
    .where("packages.id", "in", ids)
    .where("packages.added_at", "<", addedBefore.toISOString())
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom("source_memberships as members")
            .select("members.id")
            .whereRef("members.source_package_id", "=", "packages.id"),
        ),
      ),
    )
    .execute();
  const unreferenced = rows.filter((row) => !builtUsing.has(sourceKey(row))).map(({ id }) => id);
  if (unreferenced.length > 0) {
    await tx.deleteFrom("source_package_files").where("source_package_id", "in", unreferenced).execute();
    await tx.deleteFrom("source_packages").where("id", "in", unreferenced).execute();
  }
  return unreferenced.length;
}

/** "repository name version" of the sources that these binary packages say they were built using. */
export async function listBuiltUsing(db: Kysely<Schema>, binaryPackageIds: readonly number[]): Promise<string[]> {
  const rows = await db
    .selectFrom("binary_packages")
    .select(["repository_id", "stanza"])
    .where("id", "in", binaryPackageIds)
    .where("stanza", "like", "%Built-Using:%")
    .execute();
  return rows.flatMap(({ repository_id, stanza }) =>
    builtUsingOf(stanza).map(({ name, version }) => sourceKey({ repository_id, name, version })),
  );
}

function sourceKey(row: { readonly repository_id: string; readonly name: string; readonly version: string }): string {
  return `${row.repository_id} ${row.name} ${row.version}`;
}

/** Of these, the .buildinfo files of which neither source nor binary packages are left. Returns how many went. */
export async function deleteBuildinfos(
  tx: Transaction,
  { repositoryId, names }: { readonly repositoryId: string; readonly names: readonly string[] },
): Promise<number> {
  const { numDeletedRows } = await tx
    .deleteFrom("buildinfos")
    .where("repository_id", "=", repositoryId)
    .where("name", "in", names)
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom("source_packages as sources")
            .select("sources.id")
            .whereRef("sources.repository_id", "=", "buildinfos.repository_id")
            .whereRef("sources.name", "=", "buildinfos.source")
            .whereRef("sources.version", "=", "buildinfos.source_version"),
        ),
      ),
    )
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom("binary_packages as binaries")
            .select("binaries.id")
            .whereRef("binaries.repository_id", "=", "buildinfos.repository_id")
            .whereRef("binaries.source", "=", "buildinfos.source")
            .whereRef("binaries.source_version", "=", "buildinfos.source_version"),
        ),
      ),
    )
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

/** Names of .buildinfo files of a repository, in order, after one. */
export async function nextBuildinfoNames(
  db: Kysely<Schema>,
  repositoryId: string,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<string[]> {
  const rows = await db
    .selectFrom("buildinfos")
    .select("name")
    .distinct()
    .where("repository_id", "=", repositoryId)
    .where("name", ">", after)
    .orderBy("name")
    .limit(limit)
    .execute();
  return rows.map(({ name }) => name);
}

/** Paths of a repository's pool, in order, after one. */
export async function nextPaths(
  db: Kysely<Schema>,
  repositoryId: string,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<string[]> {
  const rows = await db
    .selectFrom("pool_paths")
    .select("path")
    .where("repository_id", "=", repositoryId)
    .where("path", ">", after)
    .orderBy("path")
    .limit(limit)
    .execute();
  return rows.map(({ path }) => path);
}

/** Of these, the places that belong to no package and are no .buildinfo. Returns those that went: their links may go. */
export async function deletePaths(
  tx: Transaction,
  { repositoryId, paths }: { readonly repositoryId: string; readonly paths: readonly string[] },
): Promise<Pick<PoolPathsTable, "path" | "sha256">[]> {
  const rows = await tx
    .selectFrom("pool_paths as places")
    .select(["places.path", "places.sha256"])
    .where("places.repository_id", "=", repositoryId)
    .where("places.path", "in", paths)
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom("source_package_files as files")
            .innerJoin("source_packages as sources", "sources.id", "files.source_package_id")
            .select("files.name")
            .whereRef("files.sha256", "=", "places.sha256")
            .whereRef("files.path", "=", "places.path")
            .whereRef("sources.repository_id", "=", "places.repository_id"),
        ),
      ),
    )
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom("binary_packages as binaries")
            .select("binaries.id")
            .whereRef("binaries.repository_id", "=", "places.repository_id")
            .whereRef("binaries.path", "=", "places.path"),
        ),
      ),
    )
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom("buildinfos as infos")
            .select("infos.path")
            .whereRef("infos.repository_id", "=", "places.repository_id")
            .whereRef("infos.name", "=", "places.name")
            .whereRef("infos.sha256", "=", "places.sha256"),
        ),
      ),
    )
    .execute();
  const unreferenced = rows.map(({ path }) => path);
  if (unreferenced.length > 0) {
    await tx.deleteFrom("pool_paths").where("repository_id", "=", repositoryId).where("path", "in", unreferenced).execute();
  }
  return rows;
}

/** SHA-256 of stored files, in order, after one. */
export async function nextContents(
  db: Kysely<Schema>,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<string[]> {
  const rows = await db
    .selectFrom("pool_files")
    .select("sha256")
    .where("sha256", ">", after)
    .orderBy("sha256")
    .limit(limit)
    .execute();
  return rows.map(({ sha256 }) => sha256);
}

/** Of these, the contents that have no place in any repository. Returns those that went: the files may go. */
export async function deleteContents(
  tx: Transaction,
  contents: readonly string[],
  addedBefore: Date,
): Promise<{ sha256: string; sizeBytes: number }[]> {
  const rows = await tx
    .selectFrom("pool_files as files")
    .select(["files.sha256", "files.size_bytes"])
    .where("files.sha256", "in", contents)
    .where("files.added_at", "<", addedBefore.toISOString())
    .where((where) =>
      where.not(
        where.exists(
          where.selectFrom("pool_paths as places").select("places.path").whereRef("places.sha256", "=", "files.sha256"),
        ),
      ),
    )
    .execute();
  const unreferenced = rows.map(({ sha256 }) => sha256);
  if (unreferenced.length > 0) await tx.deleteFrom("pool_files").where("sha256", "in", unreferenced).execute();
  return rows.map(({ sha256, size_bytes }) => ({ sha256, sizeBytes: size_bytes }));
}
