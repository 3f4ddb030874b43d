import { ArchivePaths } from "./archive-paths.ts";
import { DistributionIndexes } from "./distribution-indexes.ts";
import { findKeptChunks, keepChunks } from "./kept-chunks.ts";
import type { RenderRequest } from "./render.ts";

/** Compressed indexes of the distributions rendered last; with more, each publication begins with reading the database. */
const SIZE_BYTES_MAX = 192 * 1024 ** 2;

/** Remembers the indexes of distributions from one publication to the next, and notes on the disk what a later process needs. */
export class IndexMemory {
  readonly #held = new Map<string, DistributionIndexes>();
  #unkept: DistributionIndexes | undefined;

  get sizeBytes(): number {
    return [...this.#held.values()].reduce((sum, indexes) => sum + indexes.sizeBytes, 0);
  }

  /** For a request. They are no longer held: put() them back when nothing went wrong. */
  async take(request: RenderRequest): Promise<DistributionIndexes> {
    const { settings, change } = request;
    const held = this.#held.get(settings.name);
    // Already there: a snapshot of it changes nothing in it.
    if (request.snapshot !== undefined && held?.isAt(settings, change) === true) return held;
    if (request.snapshot === undefined) this.#held.delete(settings.name);
    else if (held !== undefined) return new DistributionIndexes(settings, held.compressedChunks());
    if (held?.fits(settings, change) === true) return held;

    const known = held?.compressedChunks() ?? (await findKeptChunks(new ArchivePaths(request.homePath), settings));
    return new DistributionIndexes(settings, known);
  }

  put({ settings, snapshot }: RenderRequest, indexes: DistributionIndexes): void {
    if (snapshot !== undefined) return;

    this.#held.set(settings.name, indexes);
    this.#unkept = indexes;
    for (const [name, oldest] of this.#held) {
      if (this.sizeBytes <= SIZE_BYTES_MAX || oldest === indexes) return;
      this.#held.delete(name);
    }
  }

  /** After the answer, so that nobody waits for it. A cache: what goes wrong shows in nothing but time. */
  async keep({ homePath, settings }: RenderRequest): Promise<void> {
    const indexes = this.#unkept;
    this.#unkept = undefined;
    if (indexes !== undefined) await keepChunks(new ArchivePaths(homePath), settings, indexes.files).catch(() => undefined);
  }
}
