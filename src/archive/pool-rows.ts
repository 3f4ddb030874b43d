import type { Kysely } from "kysely";
import type { Schema, Transaction } from "../database/index.ts";
import { AppError } from "../runtime/index.ts";
import type { PoolFile } from "./content-store.ts";
import { portions } from "./portions.ts";

/** A file of a repository: where it is, and its content. */
export interface PlacedFile extends PoolFile {
  /** Below the repository: "pool/main/h/hello/hello_1.0.orig.tar.gz". */
  readonly path: string;
}

/** Give a stored file its place in a repository. The link on the disk is made by the next publication. */
export async function placeFile(tx: Transaction, repositoryId: string, file: PoolFile, path: string): Promise<void> {
  await placeFiles(tx, repositoryId, [{ file, path }]);
}

/** Many at once, with few statements. */
export async function placeFiles(
  tx: Transaction,
  repositoryId: string,
  places: readonly { readonly file: PoolFile; readonly path: string }[],
): Promise<void> {
  for (const some of portions(places)) {
    await insertFiles(
      tx,
      some.map(({ file }) => file),
    );
    const rows = await tx
      .selectFrom("pool_paths")
      .select(["path", "sha256"])
      .where("repository_id", "=", repositoryId)
      .where(
        "path",
        "in",
        some.map(({ path }) => path),
      )
      .execute();
    const contents = new Map(rows.map(({ path, sha256 }) => [path, sha256]));
    const added: { path: string; sha256: string }[] = [];
    for (const { path, file } of some) {
      const placed = contents.get(path);
      if (placed !== undefined && placed !== file.sha256) throw pathTaken(repositoryId, path, { placed, now: file.sha256 });
      if (placed === undefined) added.push({ path, sha256: file.sha256 });
      contents.set(path, file.sha256);
    }
    await insertPaths(tx, repositoryId, added);
  }
}

async function insertFiles(tx: Transaction, files: readonly PoolFile[]): Promise<void> {
  const added_at = tx.now().toISOString();
  await tx
    .insertInto("pool_files")
    .values(
      files.map(({ sha256, sizeBytes, md5, sha1, sha512 }) => ({ sha256, size_bytes: sizeBytes, md5, sha1, sha512, added_at })),
    )
    .onConflict((conflict) => conflict.column("sha256").doNothing())
    .execute();
}

async function insertPaths(
  tx: Transaction,
  repositoryId: string,
  added: readonly { readonly path: string; readonly sha256: string }[],
): Promise<void> {
  if (added.length === 0) return;

  const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
  await tx
    .insertInto("pool_paths")
    .values(added.map(({ path, sha256 }) => ({ repository_id: repositoryId, path, name: nameOf(path), sha256, is_linked: 0 })))
    .execute();
}

/** The files of that name in a repository's pool: origs are looked up so. Usually none or one. */
export async function findPoolFiles(db: Kysely<Schema>, repositoryId: string, name: string): Promise<PlacedFile[]> {
  const rows = await db
    .selectFrom("pool_paths")
    .innerJoin("pool_files", "pool_files.sha256", "pool_paths.sha256")
    .select(["path", "name", "size_bytes", "md5", "sha1", "pool_files.sha256", "sha512"])
    .where("repository_id", "=", repositoryId)
    .where("name", "=", name)
    .orderBy("path")
    .execute();
  return rows.map(({ size_bytes, ...row }) => ({ ...row, sizeBytes: size_bytes }));
}

/** "hello 1.0-1": the source packages that a file of a repository belongs to, in the order in which they came. */
export async function listFileUsers(db: Kysely<Schema>, repositoryId: string, path: string): Promise<string[]> {
  const rows = await db
    .selectFrom("source_package_files as files")
    .innerJoin("source_packages", "source_packages.id", "files.source_package_id")
    .select(["source_packages.name", "source_packages.version"])
    .where("repository_id", "=", repositoryId)
    .where("files.path", "=", path)
    .orderBy("source_packages.id")
    .execute();
  return rows.map(({ name, version }) => `${name} ${version}`);
}

/** The .dsc of a source package and all its files, with their places. Empty when the version is not there. */
export async function listSourceFiles(
  db: Kysely<Schema>,
  repositoryId: string,
  sourcePackage: { readonly name: string; readonly version: string },
): Promise<PlacedFile[]> {
  const rows = await db
    .selectFrom("source_package_files as files")
    .innerJoin("source_packages", "source_packages.id", "files.source_package_id")
    .innerJoin("pool_files", "pool_files.sha256", "files.sha256")
    .select(["files.path", "files.name", "size_bytes", "md5", "sha1", "pool_files.sha256", "sha512"])
    .where("repository_id", "=", repositoryId)
    .where("source_packages.name", "=", sourcePackage.name)
    .where("source_packages.version", "=", sourcePackage.version)
    .orderBy("files.name")
    .execute();
  return rows.map(({ size_bytes, ...row }) => ({ ...row, sizeBytes: size_bytes }));
}

/** Identities keep it from happening, except for files that differ in nothing but their package (epochs are not in names). */
function pathTaken(repositoryId: string, path: string, sha256: { placed: string; now: string }): AppError {
  return new AppError({
    kind: "conflict",
    code: "IDENTITY_CONFLICT",
    message: `${path} of repository ${repositoryId} has other content: SHA256 ${sha256.placed} there, ${sha256.now} now`,
    hint: "Use a new version; versions that differ only in their epoch share their file names",
    facts: { repositoryId, path, ...sha256 },
  });
}
