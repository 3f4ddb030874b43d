import { randomUUID } from "node:crypto";
import { readlink, rename, rm, symlink, utimes } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { Database, Transaction } from "../database/index.ts";
import { type Clock, type Limits, makeDirectory, monotonicMs, syncDirectory, writeFileAtomically } from "../runtime/index.ts";
import type { ArchivePaths } from "./archive-paths.ts";
import type { DistributionSettings } from "./distribution-settings.ts";
import { loadDistribution } from "./distributions.ts";
import type { GenerationObject } from "./generation-writer.ts";
import { advancePublication } from "./publication-state.ts";
import { generationPath } from "./render.ts";
import type { Renderer } from "./renderer.ts";

/** Signs the bytes of a Release file. */
export type SignRelease = (release: Uint8Array) => Promise<{ readonly inRelease: Uint8Array; readonly releaseGpg: Uint8Array }>;

export interface PublishContext {
  readonly database: Database;
  readonly paths: ArchivePaths;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly renderer: Renderer;
  readonly sign: SignRelease;
}

/** Statements have a limited number of parameters. */
const ROWS_PER_STATEMENT = 500;

export interface PendingPublication {
  readonly distribution: string;
  readonly generation: number;
}

/**
 * Make a pending publication what readers see. A crash or an error at any point leaves the previous generation in
 * force, whole; then call it again.
 */
export async function publishDistribution(ctx: PublishContext, pending: PendingPublication): Promise<{ durationMs: number }> {
  const startedAtMs = monotonicMs();
  const { settings, change } = await loadDistribution(ctx.database.read, pending.distribution);
  const releaseDate = laterDate(ctx.clock.now(), await lastReleaseDate(ctx.database, pending.distribution));
  // The date differs between attempts: a generation that was in force when we were killed is never written to again.
  const directoryName = `${pending.generation}-${Math.floor(releaseDate.getTime() / 1000)}`;

  const request = { homePath: ctx.paths.homePath, settings, change, directoryName, releaseDate };
  const { sign, start: onRelease } = signAhead(ctx.sign);
  const rendered = await ctx.renderer.render(request, { onRelease });
  const path = generationPath(ctx.paths, settings, directoryName);
  await Promise.all([
    writeSigned(sign, path, rendered.release, releaseDate),
    linkNamedSnapshots(ctx.paths, settings, path),
    recordAttempt(ctx.database, pending, { releaseDate, objects: rendered.objects }),
  ]);
  await putInForce(ctx.paths, settings, path);
  const durationMs = monotonicMs() - startedAtMs;
  await ctx.database.transaction(async (tx) => {
    await recordLinked(tx, settings.repositoryId, rendered.linkedPaths);
    await advancePublication(tx, { ...pending, change, releaseDate, durationMs });
  });
  return { durationMs };
}

/** Signing begins as soon as the text is known, while the indexes are still being written. */
function signAhead(sign: SignRelease): { sign: SignRelease; start: (release: string) => void } {
  let begun: { readonly release: Buffer; readonly signed: ReturnType<SignRelease> } | undefined;
  return {
    start: (text) => {
      const release = Buffer.from(text);
      const signed = sign(release);
      // Who asks for it gets the error; if rendering fails, nobody asks.
      signed.catch(() => undefined);
      begun = { release, signed };
    },
    sign: (release) => (begun?.release.equals(release) === true ? begun.signed : sign(release)),
  };
}

async function recordLinked(tx: Transaction, repositoryId: string, paths: readonly string[]): Promise<void> {
  for (let index = 0; index < paths.length; index += ROWS_PER_STATEMENT) {
    await tx
      .updateTable("pool_paths")
      .set({ is_linked: 1 })
      .where("repository_id", "=", repositoryId)
      .where("path", "in", paths.slice(index, index + ROWS_PER_STATEMENT))
      .execute();
  }
}

/** Of the newest generation that anybody can have seen. */
export async function lastReleaseDate(database: Database, distribution: string): Promise<Date | undefined> {
  const { last } = await database.read
    .selectFrom("publications")
    .select((builder) => builder.fn.max("release_date").as("last"))
    .where("distribution", "=", distribution)
    .executeTakeFirstOrThrow();
  return last === null || last === undefined ? undefined : new Date(last);
}

/** Whole seconds, and later than the last: apt silently keeps what it has when the Date does not grow. */
function laterDate(now: Date, last: Date | undefined): Date {
  const nowMs = Math.floor(now.getTime() / 1000) * 1000;
  return new Date(last === undefined ? nowMs : Math.max(nowMs, last.getTime() + 1000));
}

/** All three from the same bytes. Their time is the Date, so that If-Modified-Since tells generations apart. */
export async function writeSigned(sign: SignRelease, path: string, release: string, releaseDate: Date): Promise<void> {
  const bytes = Buffer.from(release);
  const { inRelease, releaseGpg } = await sign(bytes);
  const files = { Release: bytes, "Release.gpg": releaseGpg, InRelease: inRelease };
  await Promise.all(
    Object.entries(files).map(async ([name, content]) => {
      await writeFileAtomically(join(path, name), content);
      await utimes(join(path, name), releaseDate, releaseDate);
    }),
  );
  await syncDirectory(dirname(path));
}

/** Before anybody can see it: the date that the next one must exceed, and which objects it needs. */
async function recordAttempt(
  database: Database,
  { distribution, generation }: PendingPublication,
  { releaseDate, objects }: { releaseDate: Date; objects: readonly GenerationObject[] },
): Promise<void> {
  await database.transaction(async (tx) => {
    await tx
      .updateTable("publications")
      .set({ release_date: releaseDate.toISOString() })
      .where("distribution", "=", distribution)
      .where("generation", "=", generation)
      .execute();
    await tx
      .insertInto("publication_objects")
      .values(
        distinctObjects(objects).map(({ sizeBytes, ...object }) => ({
          distribution,
          ...object,
          size_bytes: sizeBytes,
          last_generation: generation,
        })),
      )
      .onConflict((conflict) =>
        conflict.columns(["distribution", "directory", "sha256"]).doUpdateSet({ last_generation: generation }),
      )
      .execute();
  });
}

/** Indexes of the same content are one object (PostgreSQL refuses to write one row twice in a statement). */
function distinctObjects(objects: readonly GenerationObject[]): GenerationObject[] {
  return [...new Map(objects.map((object) => [`${object.directory} ${object.sha256}`, object])).values()];
}

/** Named snapshots are in every generation, at the original's place: snapshots/<name>/ of the distribution. */
export async function linkNamedSnapshots(paths: ArchivePaths, settings: DistributionSettings, path: string): Promise<void> {
  const directory = paths.namedSnapshotLinks(settings.repositoryId, settings.name);
  await makeDirectory(directory);
  await symlink(relative(path, directory), join(path, "snapshots")).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  await syncDirectory(path);
}

/** The switch: one rename of a relative symbolic link. */
async function putInForce(paths: ArchivePaths, settings: DistributionSettings, path: string): Promise<void> {
  const linkPath = paths.distribution(settings.repositoryId, settings.name);
  const directory = dirname(linkPath);
  await makeDirectory(directory);
  const temporaryPath = join(directory, `.${settings.name}.${randomUUID().slice(0, 8)}`);
  await symlink(relative(directory, path), temporaryPath);
  await rename(temporaryPath, linkPath);
  await syncDirectory(directory);
}

/** Name of the generation's directory that readers see now. */
export async function findInForce(paths: ArchivePaths, settings: DistributionSettings): Promise<string | undefined> {
  try {
    const target = await readlink(paths.distribution(settings.repositoryId, settings.name));
    return target.slice(target.lastIndexOf("/") + 1);
  } catch {
    return undefined;
  }
}

/** Links of switches that were killed. */
export async function removeUnfinishedSwitches(directory: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    if (name.startsWith(".")) await rm(join(directory, name), { force: true });
  }
}
