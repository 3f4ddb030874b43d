import { randomUUID } from "node:crypto";
import { chmod, copyFile, link, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Database, PoolFilesTable } from "../database/index.ts";
import { hashFile, makeDirectory, syncDirectory } from "../runtime/index.ts";
import type { ArchivePaths } from "./archive-paths.ts";
import type { Finding, VerificationContext } from "./verification.ts";

/** Rows read, and files hashed side by side. */
const PAGE_ROWS = 500;
const HASHED_AT_ONCE = 2;

/** Read every stored file again. What is damaged or missing comes back from another copy, if one is whole. */
export async function verifyContents(ctx: VerificationContext): Promise<void> {
  for (let after = ""; ; ) {
    const rows = await ctx.database.read
      .selectFrom("pool_files")
      .select(["sha256", "size_bytes"])
      .where("sha256", ">", after)
      .orderBy("sha256")
      .limit(PAGE_ROWS)
      .execute();
    const waiting = [...rows];
    const workers = Array.from({ length: HASHED_AT_ONCE }, async () => {
      for (let row = waiting.shift(); row !== undefined; row = waiting.shift()) {
        ctx.signal.throwIfAborted();
        await verifyContent(ctx, row);
        ctx.progress.done(row.size_bytes);
      }
    });
    await Promise.all(workers);
    after = rows.at(-1)?.sha256 ?? after;
    if (rows.length < PAGE_ROWS) return;
  }
}

type Row = Pick<PoolFilesTable, "sha256" | "size_bytes">;

async function verifyContent(ctx: VerificationContext, row: Row): Promise<void> {
  const path = ctx.paths.content(row.sha256);
  const fault = await faultOf(path, row);
  if (fault === undefined || (await isForgotten(ctx.database, row))) return;

  const places = await listPlaces(ctx.database, row.sha256);
  const what = places[0] === undefined ? path : ctx.paths.placed(places[0]);
  const finding: Finding = { kind: "content", path: what, fault, repaired: false };
  if (!ctx.isRepairing) return ctx.report(finding);

  const copy = await findWholeCopy(ctx, row, places);
  if (copy === undefined) return ctx.report(finding);
  await restore(ctx.paths, row.sha256, { from: copy, places });
  ctx.report({ ...finding, repaired: true });
}

/** Undefined when the file holds what its name says. */
async function faultOf(path: string, row: Row): Promise<Finding["fault"] | undefined> {
  const size = await stat(path).then(
    (stats) => stats.size,
    () => undefined,
  );
  if (size === undefined) return "missing";
  if (size !== row.size_bytes) return "damaged";
  const hashes = await hashFile(path).catch(() => undefined);
  return hashes?.sha256 === row.sha256 ? undefined : "damaged";
}

/** Cleaned away since its row was read. */
async function isForgotten(database: Database, { sha256 }: Row): Promise<boolean> {
  const row = await database.read.selectFrom("pool_files").select("sha256").where("sha256", "=", sha256).executeTakeFirst();
  return row === undefined;
}

interface Place {
  readonly repository_id: string;
  readonly path: string;
}

async function listPlaces(database: Database, sha256: string): Promise<Place[]> {
  return database.read.selectFrom("pool_paths").select(["repository_id", "path"]).where("sha256", "=", sha256).execute();
}

/** A place may be a file of its own, where somebody copied the tree; uploads and builds may have theirs still. */
async function findWholeCopy(ctx: VerificationContext, row: Row, places: readonly Place[]): Promise<string | undefined> {
  const candidates = [...places.map((place) => ctx.paths.placed(place)), ...(await ctx.findCopies(row.sha256))];
  for (const path of candidates) if ((await faultOf(path, row)) === undefined) return path;
  return undefined;
}

/** Beside the old one and over it; then all links anew, as they lead to the old. */
async function restore(
  paths: ArchivePaths,
  sha256: string,
  { from, places }: { readonly from: string; readonly places: readonly Place[] },
): Promise<void> {
  const path = paths.content(sha256);
  const temporaryPath = join(paths.contentStore, `${randomUUID()}.tmp`);
  try {
    await copyFile(from, temporaryPath);
    await chmod(temporaryPath, 0o644);
    const handle = await open(temporaryPath, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await makeDirectory(dirname(path));
    await rename(temporaryPath, path);
  } finally {
    await rm(temporaryPath, { force: true });
  }
  await syncDirectory(dirname(path));
  for (const place of places) await linkAnew(path, paths.placed(place));
}

/** Readers see the old or the new file, never none. */
export async function linkAnew(contentPath: string, linkPath: string): Promise<void> {
  await makeDirectory(dirname(linkPath));
  const temporaryPath = `${linkPath}.tmp`;
  await rm(temporaryPath, { force: true });
  await link(contentPath, temporaryPath);
  await rename(temporaryPath, linkPath);
  await syncDirectory(dirname(linkPath));
}
