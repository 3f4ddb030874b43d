import { gzipMember, zstdFrame } from "./chunk-compressor.ts";
import { ChunkHashes, type HashedFile } from "./chunk-hashes.ts";
import { ChunkedIndex, chunkBytes, type EntryFormat, type IndexChunk } from "./chunked-index.ts";
import { contentsKey, translationKey } from "./index-edits.ts";
import { xzStreamPieces } from "./xz-stream.ts";

/** "" is the index itself, which Release lists though it is not on the disk. */
export const INDEX_FORMS = ["", ".gz", ".xz", ".zst"] as const;
export type IndexForm = (typeof INDEX_FORMS)[number];

/** One form of an index, as a file. */
export interface IndexFileForm extends HashedFile {
  readonly form: IndexForm;
  readonly pieces: () => Uint8Array[];
}

const STANZAS: EntryFormat = { split: (text) => text.split(/(?<=\n\n)/) };
const TRANSLATIONS: EntryFormat = { ...STANZAS, keyOf: translationKey };
const LINES: EntryFormat = { split: (text) => text.split(/(?<=\n)/), keyOf: contentsKey };

const EMPTY_GZIP = gzipMember(new Uint8Array());

/** An index of a distribution in all its forms. */
export class IndexFile {
  /** "main/binary-amd64" */
  readonly directory: string;
  /** "Packages" */
  readonly name: string;
  readonly index: ChunkedIndex;
  readonly #hashes = new Map<IndexForm, ChunkHashes>();
  #hashedChunks: readonly IndexChunk[] = [];
  #forms: readonly IndexFileForm[] | undefined;

  constructor(path: string) {
    const slash = path.lastIndexOf("/");
    this.directory = path.slice(0, slash);
    this.name = path.slice(slash + 1);
    this.index = new ChunkedIndex(formatOf(this.name));
  }

  get path(): string {
    return `${this.directory}/${this.name}`;
  }

  /** Entries come in the order in which packages came. */
  get isInOrder(): boolean {
    return formatOf(this.name) === STANZAS;
  }

  get isEmpty(): boolean {
    return this.index.chunks.length === 0;
  }

  /** When all chunks are compressed. Hashes again only from the first chunk that changed. */
  forms({ isZstdWanted }: { readonly isZstdWanted: boolean }): readonly IndexFileForm[] {
    const { chunks } = this.index;
    const forms = INDEX_FORMS.filter((form) => form !== ".zst" || isZstdWanted);
    if (chunks === this.#hashedChunks && this.#forms?.length === forms.length) return this.#forms;

    let unchanged = 0;
    while (unchanged < chunks.length && chunks[unchanged] === this.#hashedChunks[unchanged]) unchanged += 1;
    this.#forms = forms.map((form) => {
      const hashes = this.#hashes.get(form) ?? new ChunkHashes();
      this.#hashes.set(form, hashes);
      // The header of an xz stream is a piece, and never changes.
      const hashed = hashes.hash(lazyPieces(form, chunks), form === ".xz" ? unchanged + 1 : unchanged);
      return { form, ...hashed, pieces: () => lazyPieces(form, chunks).map((piece) => piece()) };
    });
    this.#hashedChunks = chunks;
    for (const chunk of chunks) chunk.raw = undefined;
    return this.#forms;
  }
}

function formatOf(name: string): EntryFormat {
  if (name.startsWith("Contents-")) return LINES;
  return name.startsWith("Translation-") ? TRANSLATIONS : STANZAS;
}

function lazyPieces(form: IndexForm, chunks: readonly IndexChunk[]): (() => Uint8Array)[] {
  switch (form) {
    case "":
      return chunks.map((chunk) => () => chunkBytes(chunk));
    case ".gz":
      return chunks.length === 0 ? [() => EMPTY_GZIP] : chunks.map((chunk) => () => compressedForm(chunk).gz);
    case ".xz":
      return xzStreamPieces(chunks.map((chunk) => compressedForm(chunk).xz)).map((piece) => () => piece);
    case ".zst":
      return chunks.length === 0
        ? [() => zstdFrame(new Uint8Array())]
        : chunks.map((chunk) => () => compressedForm(chunk).zst ?? new Uint8Array());
  }
}

function compressedForm(chunk: IndexChunk): NonNullable<IndexChunk["compressed"]> {
  if (chunk.compressed === undefined) throw new Error("a chunk was not compressed");
  return chunk.compressed;
}
