export interface CachedFile {
  /** Device, inode, size and time of change: what the content belongs to. */
  readonly identity: string;
  readonly content: Buffer;
}

/** Small files that are asked for often: InRelease, small indexes. The least recently used ones go first. */
export class FileCache {
  readonly #entries = new Map<string, CachedFile>();
  readonly #sizeBytesMax: number;
  #sizeBytes = 0;

  constructor(sizeBytesMax: number) {
    this.#sizeBytesMax = sizeBytesMax;
  }

  /** The content of the file at this path, if it is still that very file. */
  find(path: string, identity: string): Buffer | undefined {
    const entry = this.#entries.get(path);
    if (entry === undefined) return undefined;

    this.#entries.delete(path);
    if (entry.identity !== identity) {
      this.#sizeBytes -= entry.content.length;
      return undefined;
    }
    this.#entries.set(path, entry);
    return entry.content;
  }

  store(path: string, file: CachedFile): void {
    this.find(path, "");
    this.#entries.set(path, file);
    this.#sizeBytes += file.content.length;
    for (const [oldest, entry] of this.#entries) {
      if (this.#sizeBytes <= this.#sizeBytesMax) return;
      this.#entries.delete(oldest);
      this.#sizeBytes -= entry.content.length;
    }
  }
}
