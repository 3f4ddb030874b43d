import { hash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ArchivePaths } from "./archive-paths.ts";
import type { CompressedChunk } from "./chunk-compressor.ts";
import type { DistributionSettings } from "./distribution-settings.ts";
import type { IndexFile } from "./index-file.ts";

/** Where the compressed chunks of an index are in the objects that were published last. */
interface KeptIndex {
  readonly directory: string;
  /** SHA-256 of the objects: their names. */
  readonly gz: string;
  readonly xz: string;
  readonly chunks: readonly (readonly [digest: string, sizeBytes: number, gzBytes: number, xzUnpaddedBytes: number])[];
}

const XZ_HEADER_BYTES = 12;

/**
 * Note where compressed chunks are, so that another process need not compress them again: in the objects that readers
 * fetch. A cache: it may vanish, and is not taken when it is damaged.
 */
export async function keepChunks(
  paths: ArchivePaths,
  settings: DistributionSettings,
  files: readonly IndexFile[],
): Promise<void> {
  const indexes = files.filter((file) => !file.isEmpty).map((file) => describeIndex(file));
  const text = JSON.stringify(indexes);
  const path = notePath(paths, settings);
  await mkdir(dirname(path), { recursive: true });
  const temporaryPath = `${path}.tmp`;
  await writeFile(temporaryPath, `${hash("sha256", text)}\n${text}`);
  await rename(temporaryPath, path);
}

/** Compressed chunks by the digest of what they hold. Empty when nothing was kept. */
export async function findKeptChunks(paths: ArchivePaths, settings: DistributionSettings): Promise<Map<string, CompressedChunk>> {
  const chunks = new Map<string, CompressedChunk>();
  const byHashPath = join(paths.generations(settings.repositoryId, settings.name), "by-hash");
  for (const index of await readNote(notePath(paths, settings))) {
    const gz = await readObject(byHashPath, index.directory, index.gz);
    const xz = await readObject(byHashPath, index.directory, index.xz);
    if (gz !== undefined && xz !== undefined) takeChunks(chunks, index, { gz, xz });
  }
  return chunks;
}

function describeIndex(file: IndexFile): KeptIndex {
  const forms = file.forms({ isZstdWanted: false });
  const objectOf = (form: string): string => forms.find((each) => each.form === form)?.sha256 ?? "";
  return {
    directory: file.directory,
    gz: objectOf(".gz"),
    xz: objectOf(".xz"),
    chunks: file.index.chunks.map(({ digest, sizeBytes, compressed }) => [
      digest,
      sizeBytes,
      compressed?.gz.length ?? 0,
      compressed?.xz.unpaddedSizeBytes ?? 0,
    ]),
  };
}

function takeChunks(chunks: Map<string, CompressedChunk>, index: KeptIndex, objects: { gz: Buffer; xz: Buffer }): void {
  let gzAt = 0;
  let xzAt = XZ_HEADER_BYTES;
  for (const [digest, sizeBytes, gzBytes, xzUnpaddedBytes] of index.chunks) {
    const xzBytes = Math.ceil(xzUnpaddedBytes / 4) * 4;
    chunks.set(digest, {
      // Copies: a part would hold on to the whole.
      gz: Buffer.from(objects.gz.subarray(gzAt, gzAt + gzBytes)),
      xz: {
        bytes: Buffer.from(objects.xz.subarray(xzAt, xzAt + xzBytes)),
        unpaddedSizeBytes: xzUnpaddedBytes,
        uncompressedSizeBytes: sizeBytes,
      },
      zst: undefined,
    });
    gzAt += gzBytes;
    xzAt += xzBytes;
  }
}

async function readNote(path: string): Promise<KeptIndex[]> {
  const stored = await readFile(path, "utf8").catch(() => "");
  const [digest, text] = [stored.slice(0, 64), stored.slice(65)];
  return hash("sha256", text) === digest ? (JSON.parse(text) as KeptIndex[]) : [];
}

async function readObject(byHashPath: string, directory: string, sha256: string): Promise<Buffer | undefined> {
  const bytes = await readFile(join(byHashPath, directory, "SHA256", sha256)).catch(() => undefined);
  return bytes !== undefined && hash("sha256", bytes) === sha256 ? bytes : undefined;
}

function notePath(paths: ArchivePaths, { repositoryId, name }: DistributionSettings): string {
  return join(paths.chunkCache, repositoryId, `${name}.json`);
}
