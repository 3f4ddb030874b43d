import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isRecent } from "./is-recent.ts";
import type { VerificationContext } from "./verification.ts";
import { linkAnew } from "./verify-contents.ts";

const PAGE_ROWS = 500;

/** Every place that readers were told of is a link to its content; everything else below pool/ belongs to nothing. */
export async function verifyPlaces(ctx: VerificationContext, repositoryId: string): Promise<void> {
  for (let after = ""; ; ) {
    const rows = await ctx.database.read
      .selectFrom("pool_paths")
      .select(["path", "sha256"])
      .where("repository_id", "=", repositoryId)
      .where("is_linked", "=", 1)
      .where("path", ">", after)
      .orderBy("path")
      .limit(PAGE_ROWS)
      .execute();
    for (const row of rows) {
      ctx.signal.throwIfAborted();
      await verifyPlace(ctx, { repositoryId, ...row });
    }
    after = rows.at(-1)?.path ?? after;
    if (rows.length < PAGE_ROWS) break;
  }
  await findStrays(ctx, repositoryId, "pool");
}

interface PlaceRow {
  readonly repositoryId: string;
  readonly path: string;
  readonly sha256: string;
}

async function verifyPlace(ctx: VerificationContext, row: PlaceRow): Promise<void> {
  const { repositoryId, path, sha256 } = row;
  const linkPath = ctx.paths.placed({ repository_id: repositoryId, path });
  const contentPath = ctx.paths.content(sha256);
  const [there, content] = await Promise.all([inodeOf(linkPath), inodeOf(contentPath)]);
  // Without content there is nothing to link to: that was told already.
  if (content === undefined || there === content) return;

  const isWanted = await ctx.poolLock.exclusive(async () => {
    const now = await ctx.database.read
      .selectFrom("pool_paths")
      .select("path")
      .where("repository_id", "=", repositoryId)
      .where("path", "=", path)
      .where("is_linked", "=", 1)
      .executeTakeFirst();
    if (now !== undefined && ctx.isRepairing) await linkAnew(contentPath, linkPath);
    return now !== undefined;
  });
  if (!isWanted) return;
  const fault = there === undefined ? "missing" : "not linked";
  ctx.report({ kind: "place", path: linkPath, fault, repaired: ctx.isRepairing });
}

async function inodeOf(path: string): Promise<number | undefined> {
  return lstat(path).then(
    (stats) => stats.ino,
    () => undefined,
  );
}

/** A clean-up that was killed leaves links without rows; a publication's are there before theirs say so. */
async function findStrays(ctx: VerificationContext, repositoryId: string, directory: string): Promise<void> {
  ctx.signal.throwIfAborted();
  const root = ctx.paths.repository(repositoryId);
  const entries = await readdir(join(root, directory), { withFileTypes: true }).catch(() => []);
  const paths = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => `${directory}/${name}`);
  for (const path of await withoutRows(ctx, repositoryId, paths)) await verifyStray(ctx, repositoryId, path);
  for (const entry of entries) if (entry.isDirectory()) await findStrays(ctx, repositoryId, `${directory}/${entry.name}`);
}

async function withoutRows(ctx: VerificationContext, repositoryId: string, paths: readonly string[]): Promise<string[]> {
  const without: string[] = [];
  for (let start = 0; start < paths.length; start += PAGE_ROWS) {
    const some = paths.slice(start, start + PAGE_ROWS);
    const rows = await ctx.database.read
      .selectFrom("pool_paths")
      .select("path")
      .where("repository_id", "=", repositoryId)
      .where("path", "in", some)
      .execute();
    const known = new Set(rows.map(({ path }) => path));
    without.push(...some.filter((path) => !known.has(path)));
  }
  return without;
}

async function verifyStray(ctx: VerificationContext, repositoryId: string, path: string): Promise<void> {
  const fullPath = join(ctx.paths.repository(repositoryId), path);
  // While nobody makes links: it may have become wanted.
  await ctx.poolLock.exclusive(async () => {
    const isUnknown = (await withoutRows(ctx, repositoryId, [path])).length > 0;
    if (!isUnknown || (await isRecent(fullPath, ctx.strayAgeMsMin))) return;
    if (ctx.isRepairing) await rm(fullPath, { force: true });
    ctx.report({ kind: "stray", path: fullPath, fault: "belongs to nothing", repaired: ctx.isRepairing });
  });
}
