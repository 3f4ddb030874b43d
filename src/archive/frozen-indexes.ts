import { randomUUID } from "node:crypto";
import { readdir, rename, rm, stat, symlink } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { type Limits, makeDirectory, syncDirectory } from "../runtime/index.ts";
import type { ArchivePaths } from "./archive-paths.ts";
import type { DistributionSettings } from "./distribution-settings.ts";
import { type SignRelease, writeSigned } from "./publish.ts";
import type { Renderer } from "./renderer.ts";

export interface FreezeContext {
  readonly paths: ArchivePaths;
  readonly limits: Limits;
  readonly renderer: Pick<Renderer, "render">;
  readonly sign: SignRelease;
}

/** A distribution as it was at a change, to be written beside the generations. */
export interface FrozenIndexes {
  readonly settings: DistributionSettings;
  readonly change: number;
  readonly releaseDate: Date;
  /** Default: the distribution's name. */
  readonly suite?: string | undefined;
  /** A directory of its own: whatever is in it goes first. */
  readonly basePath: string;
  /** What readers see: a relative symbolic link, made last. */
  readonly linkPath: string;
}

/** Write and sign the indexes, then let readers see them. A crash before the end leaves nothing that is seen; call it again. */
export async function writeFrozenIndexes(ctx: FreezeContext, frozen: FrozenIndexes): Promise<void> {
  const { settings, change, releaseDate, suite, basePath, linkPath } = frozen;
  await rm(basePath, { recursive: true, force: true });
  const directoryName = "indexes";
  const { release } = await ctx.renderer.render({
    homePath: ctx.paths.homePath,
    settings,
    change,
    directoryName,
    releaseDate,
    snapshot: { basePath, suite },
  });
  const path = join(basePath, directoryName);
  await writeSigned(ctx.sign, path, release, releaseDate);
  await syncDirectory(dirname(basePath));
  await switchLink(linkPath, path);
}

/** The link first: readers see the whole or nothing. May be repeated. */
export async function removeFrozenIndexes({
  basePath,
  linkPath,
}: {
  readonly basePath: string;
  readonly linkPath: string;
}): Promise<void> {
  await rm(linkPath, { force: true });
  await rm(basePath, { recursive: true, force: true });
}

/** Whether readers see something there. */
export async function isVisible(linkPath: string): Promise<boolean> {
  return stat(linkPath).then(
    () => true,
    () => false,
  );
}

/** Links that a crash left between being made and being named. */
export async function removeUnfinishedLinks(directory: string): Promise<void> {
  for (const name of await readdir(directory).catch((): string[] => [])) {
    if (name.startsWith(".")) await rm(join(directory, name), { force: true });
  }
}

async function switchLink(linkPath: string, path: string): Promise<void> {
  const directory = dirname(linkPath);
  await makeDirectory(directory);
  const temporaryPath = join(directory, `.${basename(linkPath)}.${randomUUID().slice(0, 8)}`);
  await symlink(relative(directory, path), temporaryPath);
  await rename(temporaryPath, linkPath);
  await syncDirectory(directory);
}
