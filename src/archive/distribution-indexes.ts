import type { Kysely } from "kysely";
import type { Schema } from "../database/index.ts";
import { assert } from "../runtime/index.ts";
import { type CompressedChunk, compressChunks } from "./chunk-compressor.ts";
import type { EntryEdit, EntryKey, IndexChunk } from "./chunked-index.ts";
import type { DistributionSettings } from "./distribution-settings.ts";
import { readChanges } from "./index-changes.ts";
import { editIndexes } from "./index-edits.ts";
import { IndexFile } from "./index-file.ts";

/**
 * The indexes of one distribution as of a change, in memory: what is there is brought up to a later change by what
 * changed. Nothing here is needed for correctness: without it, the same comes from the database again.
 */
export class DistributionIndexes {
  readonly #key: string;
  readonly #settings: DistributionSettings;
  readonly #files = new Map<string, IndexFile>();
  /** Compressed chunks that are likely to come again, by the digest of what they hold. */
  readonly #known: Map<string, CompressedChunk>;
  readonly #required: ReadonlySet<string>;
  #change = 0;

  constructor(settings: DistributionSettings, known: ReadonlyMap<string, CompressedChunk> = new Map()) {
    this.#settings = settings;
    this.#key = indexesKey(settings);
    this.#known = new Map(known);
    // Also a suite without packages has its indexes, or apt refuses it.
    for (const component of settings.components) {
      for (const architecture of settings.architectures) this.#file(`${component}/binary-${architecture}/Packages`);
      this.#file(`${component}/source/Sources`);
    }
    this.#required = new Set(this.#files.keys());
  }

  /** Whether it can be brought to this change with these settings. */
  fits(settings: DistributionSettings, change: number): boolean {
    return this.#key === indexesKey(settings) && change >= this.#change;
  }

  /** Whether it is at this change with these settings. */
  isAt(settings: DistributionSettings, change: number): boolean {
    return this.fits(settings, change) && change === this.#change;
  }

  get isZstdWanted(): boolean {
    return this.#settings.compressions?.includes("zst") ?? false;
  }

  /** Those that Release lists: the required ones in the order of the settings, then further ones that are not empty, by name. */
  get files(): readonly IndexFile[] {
    const files = [...this.#files.values()];
    const isRequired = ({ path }: IndexFile): boolean => this.#required.has(path);
    const further = files.filter((file) => !isRequired(file) && !file.isEmpty).sort((a, b) => (a.path < b.path ? -1 : 1));
    return [...files.filter(isRequired), ...further];
  }

  /** What it takes in memory, about. */
  get sizeBytes(): number {
    return this.#chunks.reduce(
      (sum, { compressed }) => sum + (compressed?.gz.length ?? 0) + (compressed?.xz.bytes.length ?? 0),
      0,
    );
  }

  /** By the digest of what they hold. */
  compressedChunks(): Map<string, CompressedChunk> {
    const chunks = new Map<string, CompressedChunk>();
    for (const { digest, compressed } of this.#chunks) if (compressed !== undefined) chunks.set(digest, compressed);
    return chunks;
  }

  get #chunks(): readonly IndexChunk[] {
    return [...this.#files.values()].flatMap((file) => file.index.chunks);
  }

  /** After an error it is in no known state: drop it. */
  async update(db: Kysely<Schema>, change: number): Promise<void> {
    assert(change >= this.#change, "indexes do not go back");
    if (change === this.#change) return;

    const { name: distribution, repositoryId } = this.#settings;
    const gathered = new Map<string, Map<EntryKey, EntryEdit>>();
    for await (const changes of readChanges(db, { distribution, repositoryId, from: this.#change, to: change })) {
      for (const [path, edits] of editIndexes(this.#settings, changes)) {
        // What goes to the end of its index goes there at once; elsewhere each portion would touch everything.
        const { index, isInOrder } = this.#file(path);
        if (isInOrder || (!gathered.has(path) && index.isAtEnd(edits.keys()))) index.apply(edits);
        else gatherEdits(gathered, path, edits);
      }
    }
    for (const [path, edits] of gathered) this.#file(path).index.apply(edits);
    await this.#compress();
    this.#change = change;
  }

  async #compress(): Promise<void> {
    // Where architectures have the same packages, their indexes have the same chunks.
    const waiting = new Map<string, (IndexChunk & { raw: Buffer })[]>();
    for (const chunk of this.#chunks) {
      if (chunk.compressed === undefined) chunk.compressed = this.#findKnown(chunk.digest);
      if (chunk.compressed !== undefined || !hasRaw(chunk)) continue;
      const same = waiting.get(chunk.digest);
      if (same === undefined) waiting.set(chunk.digest, [chunk]);
      else same.push(chunk);
    }
    this.#known.clear();
    const groups = [...waiting.values()];
    const compressed = await compressChunks(
      groups.flatMap(([first]) => (first === undefined ? [] : [first.raw])),
      { isZstdWanted: this.isZstdWanted },
    );
    for (const [index, group] of groups.entries()) for (const chunk of group) chunk.compressed = compressed[index];
  }

  #findKnown(digest: string): CompressedChunk | undefined {
    const known = this.#known.get(digest);
    return known !== undefined && this.isZstdWanted && known.zst === undefined ? undefined : known;
  }

  #file(path: string): IndexFile {
    const file = this.#files.get(path) ?? new IndexFile(path);
    this.#files.set(path, file);
    return file;
  }
}

function hasRaw(chunk: IndexChunk): chunk is IndexChunk & { raw: Buffer } {
  return chunk.raw !== undefined;
}

function gatherEdits(
  gathered: Map<string, Map<EntryKey, EntryEdit>>,
  path: string,
  edits: ReadonlyMap<EntryKey, EntryEdit>,
): void {
  const all = gathered.get(path) ?? new Map<EntryKey, EntryEdit>();
  gathered.set(path, all);
  for (const [key, edit] of edits) {
    const earlier = all.get(key);
    all.set(key, earlier === undefined ? edit : (text) => edit(earlier(text)));
  }
}

/** What indexes depend on, besides packages. */
function indexesKey({ name, components, architectures, compressions }: DistributionSettings): string {
  return JSON.stringify([name, components, architectures, compressions ?? []]);
}
