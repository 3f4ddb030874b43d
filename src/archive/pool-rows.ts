import type { Kysely } from "kysely";
import { insertNewRows, type Schema, type Transaction } from "../database/index.ts";
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
    const contents = new Map<string, string>();
    for (const { path, file } of some) {
      checkContent(repositoryId, path, { placed: contents.get(path), now: file.sha256 });
      contents.set(path, file.sha256);
    }
    if ((await insertPaths(tx, repositoryId, contents)) === contents.size) continue;

    const rows = await tx
      .selectFrom("pool_paths")
      .select(["path", "sha256"])
      .where("repository_id", "=", repositoryId)
      .where("path", "in", [...contents.keys()])
      .execute();
    for (const { path, sha256 } of rows) checkContent(repositoryId, path, { placed: sha256, now: contents.get(path) });
  }
}

async function insertFiles(tx: Transaction, files: readonly PoolFile[]): Promise<void> {
  const added_at = tx.now().toISOString();
  const rows = files.map(({ sha256, sizeBytes, md5, sha1, sha512 }) => ({
    sha256,
    size_bytes: sizeBytes,
    md5,
    sha1,
    sha512,
    added_at,
  }));
  await insertNewRows(tx, "pool_files", rows);
}

/** Content by path. Returns how many paths had none yet. */
async function insertPaths(tx: Transaction, repositoryId: string, contents: ReadonlyMap<string, string>): Promise<number> {
  const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
  const rows = [...contents].map(([path, sha256]) => ({
    repository_id: repositoryId,
    path,
    name: nameOf(path),
    sha256,
    is_linked: 0,
  }));
  return insertNewRows(tx, "pool_paths", rows);
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
function checkContent(repositoryId: string, path: string, sha256: { placed: string | undefined; now: string | undefined }): void {
  if (sha256.placed === undefined || sha256.placed === sha256.now) return;

  throw new AppError({
    kind: "conflict",
    code: "IDENTITY_CONFLICT",
    message: `${path} of repository ${repositoryId} has other content: SHA256 ${sha256.placed} there, ${sha256.now} now`,
    hint: "Use a new version; versions that differ only in their epoch share their file names",
    facts: { repositoryId, path, ...sha256 },
  });
}
