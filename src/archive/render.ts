import { join } from "node:path";
import type { Kysely } from "kysely";
import type { Schema } from "../database/index.ts";
import { ArchivePaths } from "./archive-paths.ts";
import type { DistributionSettings } from "./distribution-settings.ts";
import { type GenerationObject, GenerationWriter } from "./generation-writer.ts";
import { IndexChunkCompressor } from "./index-chunks.ts";
import { collectIndexes, type IndexContents } from "./index-contents.ts";
import { linkPoolFiles } from "./link-pool.ts";
import { formatRelease } from "./release-file.ts";

/** What to render. Travels to a worker thread. */
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

/** Write the files of a generation but for the signed ones; nobody sees them yet. May be repeated after a crash. */
export async function renderGeneration(db: Kysely<Schema>, request: RenderRequest): Promise<RenderedGeneration> {
  const { settings, change } = request;
  const paths = new ArchivePaths(request.homePath);
  const linkedPaths = await linkPoolFiles(db, paths, settings.repositoryId);

  const basePath = request.snapshot?.basePath ?? paths.generations(settings.repositoryId, settings.name);
  const writer = new GenerationWriter(basePath, request.directoryName);
  const compressor = new IndexChunkCompressor(paths.chunkCache);
  await writer.begin();
  for (const index of await collectIndexes(db, settings, change)) await writeIndex(writer, compressor, index);
  await writer.end();

  const release = formatRelease(settings, request.releaseDate, writer.entries, request.snapshot);
  return { release, objects: writer.objects, linkedPaths };
}

/** Where a generation's files are. */
export function generationPath(paths: ArchivePaths, settings: DistributionSettings, directoryName: string): string {
  return join(paths.generations(settings.repositoryId, settings.name), directoryName);
}

async function writeIndex(writer: GenerationWriter, compressor: IndexChunkCompressor, index: IndexContents): Promise<void> {
  const { directory, name, chunks } = index;
  const compressed = await compressor.compress(chunks);
  writer.listIndex(directory, name, Buffer.concat(chunks));
  await writer.writeIndex(directory, `${name}.gz`, compressed.gz);
  await writer.writeIndex(directory, `${name}.xz`, compressed.xz);
}
