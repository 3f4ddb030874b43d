import { join } from "node:path";
import type { Kysely } from "kysely";
import type { Schema } from "../database/index.ts";
import { ArchivePaths } from "./archive-paths.ts";
import type { DistributionIndexes } from "./distribution-indexes.ts";
import type { DistributionSettings } from "./distribution-settings.ts";
import { type GenerationFile, type GenerationObject, GenerationWriter } from "./generation-writer.ts";
import { linkPoolFiles } from "./link-pool.ts";
import { formatRelease, type ReleaseEntry } from "./release-file.ts";

/** What to render. Travels to another process. */
export interface RenderRequest {
  readonly homePath: string;
  readonly settings: DistributionSettings;
  readonly change: number;
  /** Name of the generation's directory; not used before. */
  readonly directoryName: string;
  readonly releaseDate: Date;
  /** A kept set instead of a generation of the distribution. */
  readonly snapshot?: SnapshotPlace | undefined;
}

/** Where a snapshot's indexes go, and under which Suite. */
export interface SnapshotPlace {
  /** Holds by-hash/ and the directory; nothing else writes there. */
  readonly basePath: string;
  /** Default: the distribution's name. */
  readonly suite?: string | undefined;
}

export interface RenderedGeneration {
  /** The text of Release, to be signed. */
  readonly release: string;
  readonly objects: readonly GenerationObject[];
  /** Paths of pool files that got their links. */
  readonly linkedPaths: readonly string[];
}

export interface RenderContext {
  readonly db: Kysely<Schema>;
  /** Of this distribution; brought to the request's change. */
  readonly indexes: DistributionIndexes;
  /** Release is known before the indexes are on the disk: what signs it need not wait. */
  readonly onRelease?: ((release: string) => void) | undefined;
}

/**
 * Write the files of a generation, of any change of a distribution, but for the signed ones; nobody sees them yet.
 * May be repeated after a crash.
 */
export async function renderGeneration(ctx: RenderContext, request: RenderRequest): Promise<RenderedGeneration> {
  const { settings, change } = request;
  const paths = new ArchivePaths(request.homePath);
  // While xz compresses, this thread links.
  const [updated, linked] = await Promise.allSettled([
    ctx.indexes.update(ctx.db, change),
    linkPoolFiles(ctx.db, paths, settings.repositoryId),
  ]);
  if (updated.status === "rejected") throw updated.reason;
  if (linked.status === "rejected") throw linked.reason;

  const { entries, files } = listFiles(ctx.indexes);
  const release = formatRelease(settings, request.releaseDate, entries, request.snapshot);
  ctx.onRelease?.(release);

  const basePath = request.snapshot?.basePath ?? paths.generations(settings.repositoryId, settings.name);
  await new GenerationWriter(basePath, request.directoryName).write(files);
  const objects = files.map(({ directory, sha256, sha512, sizeBytes }) => ({ directory, sha256, sha512, sizeBytes }));
  return { release, objects, linkedPaths: linked.value };
}

/** Where a generation's files are. */
export function generationPath(paths: ArchivePaths, settings: DistributionSettings, directoryName: string): string {
  return join(paths.generations(settings.repositoryId, settings.name), directoryName);
}

/** What Release lists, and what of it is on the disk: the uncompressed indexes are not. */
function listFiles(indexes: DistributionIndexes): { entries: ReleaseEntry[]; files: GenerationFile[] } {
  const entries: ReleaseEntry[] = [];
  const files: GenerationFile[] = [];
  for (const file of indexes.files) {
    for (const { form, sizeBytes, sha256, sha512, pieces } of file.forms(indexes)) {
      entries.push({ path: `${file.path}${form}`, sizeBytes, sha256, sha512 });
      if (form !== "") files.push({ directory: file.directory, name: `${file.name}${form}`, sizeBytes, sha256, sha512, pieces });
    }
  }
  return { entries, files };
}
