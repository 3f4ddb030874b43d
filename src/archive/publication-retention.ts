import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { DistributionSettings } from "./distribution-settings.ts";
import { findInForce, type PublishContext } from "./publish.ts";

/** Generations' own directories that stay beside the one in force; their objects live longer. */
const KEPT_DIRECTORIES = 2;
const REMOVED_AT_ONCE_MAX = 500;

/**
 * Delete what no reader can want any more: by-hash objects whose last generation was superseded both long enough and
 * enough generations ago (a client may hold an InRelease for that long), and directories of old generations. Content
 * that came back counts as new. Only between publications of this distribution.
 */
export async function expirePublications(ctx: PublishContext, settings: DistributionSettings): Promise<void> {
  const expired = await findExpiredObjects(ctx, settings.name);
  const byHashPath = join(ctx.paths.generations(settings.repositoryId, settings.name), "by-hash");
  for (const { directory, sha256, sha512 } of expired) {
    await rm(join(byHashPath, directory, "SHA512", sha512), { force: true });
    await rm(join(byHashPath, directory, "SHA256", sha256), { force: true });
  }
  if (expired.length > 0) await forgetObjects(ctx, settings.name, expired);
  await removeOldDirectories(ctx, settings);
}

interface ExpiredObject {
  readonly directory: string;
  readonly sha256: string;
  readonly sha512: string;
}

async function findExpiredObjects(ctx: PublishContext, distribution: string): Promise<ExpiredObject[]> {
  const { byHashRetentionGenerations, byHashRetentionMs } = ctx.limits;
  const supersededBefore = new Date(ctx.clock.now().getTime() - byHashRetentionMs).toISOString();
  // The generation that was in force at that time, and those after it, are still wanted.
  const { inForce } = await ctx.database.read
    .selectFrom("publications")
    .select((builder) => builder.fn.max("generation").as("inForce"))
    .where("distribution", "=", distribution)
    .where("published_at", "<=", supersededBefore)
    .executeTakeFirstOrThrow();
  const { newest } = await ctx.database.read
    .selectFrom("publications")
    .select((builder) => builder.fn.max("generation").as("newest"))
    .where("distribution", "=", distribution)
    .where("state", "=", "published")
    .executeTakeFirstOrThrow();
  if (inForce === null || newest === null) return [];

  return ctx.database.read
    .selectFrom("publication_objects")
    .select(["directory", "sha256", "sha512"])
    .where("distribution", "=", distribution)
    .where("last_generation", "<", Math.min(inForce, newest - byHashRetentionGenerations + 1, newest))
    .orderBy("last_generation")
    .limit(REMOVED_AT_ONCE_MAX)
    .execute();
}

async function forgetObjects(ctx: PublishContext, distribution: string, expired: readonly ExpiredObject[]): Promise<void> {
  await ctx.database.transaction(async (tx) => {
    for (const { directory, sha256 } of expired) {
      await tx
        .deleteFrom("publication_objects")
        .where("distribution", "=", distribution)
        .where("directory", "=", directory)
        .where("sha256", "=", sha256)
        .execute();
    }
  });
}

async function removeOldDirectories(ctx: PublishContext, settings: DistributionSettings): Promise<void> {
  const basePath = ctx.paths.generations(settings.repositoryId, settings.name);
  const inForce = await findInForce(ctx.paths, settings);
  // It does not exist before the first publication.
  const all = await readdir(basePath).catch((): string[] => []);
  const names = all.filter((name) => /^\d+-\d+$/.test(name) && name !== inForce);
  const oldestFirst = names.sort((a, b) => releaseSecond(a) - releaseSecond(b));
  for (const name of oldestFirst.slice(0, -KEPT_DIRECTORIES)) {
    await rm(join(basePath, name), { recursive: true, force: true });
  }
}

function releaseSecond(directoryName: string): number {
  return Number(directoryName.split("-")[1]);
}
