import { hash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import type { CompressedChunk } from "./chunk-compressor.ts";

/** Entries are in the order of their keys; all keys of an index are of one kind. */
export type EntryKey = number | string;

/** From the text of an entry (undefined: not there) to its new text (undefined: leaves). */
export type EntryEdit = (text: string | undefined) => string | undefined;

/** How the text of an index is divided into entries. */
export interface EntryFormat {
  readonly split: (text: string) => string[];
  /** The key of an entry, where its text says it; else it is kept beside the chunk. */
  readonly keyOf?: ((entry: string) => EntryKey) | undefined;
}

/** A piece of an index, compressed by itself. */
export interface IndexChunk {
  readonly firstKey: EntryKey;
  /** Of its entries; only where their text does not say them. */
  readonly keys: readonly EntryKey[] | undefined;
  /** It goes on where the chunk before it was full, and is cut anew with it. */
  readonly isContinuation: boolean;
  readonly sizeBytes: number;
  /** SHA-256 of its text. */
  readonly digest: string;
  /** Its text, until it is compressed and hashed. */
  raw: Buffer | undefined;
  compressed: CompressedChunk | undefined;
}

interface Entry {
  readonly key: EntryKey;
  readonly text: string;
}

/** Chunks that are cut anew together: the first begins at a boundary, the others continue it. */
type ChunkGroup = readonly IndexChunk[];
type EditedGroup = { readonly chunks: ChunkGroup } | { readonly entries: readonly Entry[] };

/**
 * Between two boundaries, in the mean; and of a chunk, at most, but for one entry. Smaller chunks compress worse (-4 %
 * at twice the size), larger take longer at each change; a change in the middle cuts anew what is left of its group.
 */
const GROUP_BYTES = 64 * 1024;
const CHUNK_BYTES_MAX = 64 * 1024;

/**
 * An index as a sequence of chunks, of which a change replaces only those it touches. Where chunks begin is decided
 * by each entry for itself, so the same entries give the same chunks, whatever happened before.
 */
export class ChunkedIndex {
  readonly #format: EntryFormat;
  #chunks: readonly IndexChunk[] = [];

  constructor(format: EntryFormat) {
    this.#format = format;
  }

  get chunks(): readonly IndexChunk[] {
    return this.#chunks;
  }

  /** Whether edits with these keys touch nothing but the last chunk, and what comes after it. */
  isAtEnd(keys: Iterable<EntryKey>): boolean {
    const last = this.#chunks.at(-1)?.firstKey;
    if (last === undefined) return true;
    for (const key of keys) if (compareKeys(key, last) < 0) return false;
    return true;
  }

  /** Chunks that changed have no compressed form afterwards. */
  apply(edits: ReadonlyMap<EntryKey, EntryEdit>): void {
    if (edits.size === 0) return;

    const keys = [...edits.keys()].sort(compareKeys);
    const groups = groupChunks(this.#chunks);
    const result: EditedGroup[] = [];
    let at = 0;
    for (const [index, group] of (groups.length === 0 ? [[]] : groups).entries()) {
      const from = at;
      const end = groups[index + 1]?.[0]?.firstKey;
      at = end === undefined ? keys.length : firstNotBefore(keys, end, from);
      this.#addGroup(result, this.#editGroup(group, keys.slice(from, at), edits));
    }
    const before = new Map(this.#chunks.map((chunk) => [chunk.digest, chunk]));
    // What is cut anew may come out as it was.
    const known = (chunk: IndexChunk): IndexChunk => {
      const old = before.get(chunk.digest);
      return old !== undefined && isSame(old, chunk) ? old : chunk;
    };
    const cut = (entries: readonly Entry[]): IndexChunk[] => this.#cut(entries).map(known);
    this.#chunks = result.flatMap((group) => ("chunks" in group ? [...group.chunks] : cut(group.entries)));
  }

  #editGroup(group: ChunkGroup, keys: readonly EntryKey[], edits: ReadonlyMap<EntryKey, EntryEdit>): EditedGroup {
    if (keys.length === 0) return { chunks: group };

    const before = this.#entriesOf(group);
    const texts = new Map(before.map(({ key, text }) => [key, text]));
    let isChanged = false;
    for (const key of keys) {
      const old = texts.get(key);
      const text = edits.get(key)?.(old);
      if (text === old) continue;
      isChanged = true;
      if (text === undefined) texts.delete(key);
      else texts.set(key, text);
    }
    if (!isChanged) return { chunks: group };
    return { entries: [...texts].map(([key, text]) => ({ key, text })).sort((a, b) => compareKeys(a.key, b.key)) };
  }

  /** Entries that no longer begin at a boundary belong to the group before. */
  #addGroup(result: EditedGroup[], group: EditedGroup): void {
    if ("chunks" in group || group.entries.length === 0) {
      if ("chunks" in group && group.chunks.length > 0) result.push(group);
      return;
    }
    const [first] = group.entries;
    const previous = first === undefined || isBoundary(first) ? undefined : result.pop();
    if (previous === undefined) return void result.push(group);
    const before = "chunks" in previous ? this.#entriesOf(previous.chunks) : previous.entries;
    result.push({ entries: [...before, ...group.entries] });
  }

  #entriesOf(group: ChunkGroup): Entry[] {
    const { split, keyOf } = this.#format;
    return group.flatMap((chunk) => {
      const texts = split(chunkBytes(chunk).toString("utf8"));
      return texts.map((text, index) => ({ key: keyOf?.(text) ?? chunk.keys?.[index] ?? 0, text }));
    });
  }

  #cut(entries: readonly Entry[]): IndexChunk[] {
    const chunks: IndexChunk[] = [];
    let from = 0;
    let length = 0;
    let isContinuation = false;
    const end = (to: number): void => {
      if (to > from) chunks.push(this.#makeChunk(entries.slice(from, to), isContinuation));
      from = to;
      length = 0;
    };
    for (const [index, entry] of entries.entries()) {
      const startsGroup = isBoundary(entry);
      if (startsGroup || length >= CHUNK_BYTES_MAX) {
        end(index);
        isContinuation = !startsGroup && index > 0;
      }
      length += entry.text.length;
    }
    end(entries.length);
    return chunks;
  }

  #makeChunk(entries: readonly Entry[], isContinuation: boolean): IndexChunk {
    const raw = Buffer.from(entries.map(({ text }) => text).join(""));
    return {
      firstKey: entries[0]?.key ?? 0,
      keys: this.#format.keyOf === undefined ? entries.map(({ key }) => key) : undefined,
      isContinuation,
      sizeBytes: raw.length,
      digest: hash("sha256", raw),
      raw,
      compressed: undefined,
    };
  }
}

/** The text of a chunk. */
export function chunkBytes(chunk: IndexChunk): Buffer {
  if (chunk.raw !== undefined) return chunk.raw;
  return chunk.compressed === undefined ? Buffer.alloc(0) : gunzipSync(chunk.compressed.gz);
}

/** Its text is the same already. */
function isSame(old: IndexChunk, chunk: IndexChunk): boolean {
  return (
    old.firstKey === chunk.firstKey &&
    old.isContinuation === chunk.isContinuation &&
    old.keys?.length === chunk.keys?.length &&
    (old.keys?.every((key, index) => key === chunk.keys?.[index]) ?? true)
  );
}

function groupChunks(chunks: readonly IndexChunk[]): ChunkGroup[] {
  const groups: IndexChunk[][] = [];
  for (const chunk of chunks) {
    const current = groups.at(-1);
    if (chunk.isContinuation && current !== undefined) current.push(chunk);
    else groups.push([chunk]);
  }
  return groups;
}

/** The first position from `from` on whose key is not before this one. */
function firstNotBefore(keys: readonly EntryKey[], key: EntryKey, from: number): number {
  for (let at = from; at < keys.length; at += 1) {
    const candidate = keys[at];
    if (candidate !== undefined && compareKeys(candidate, key) >= 0) return at;
  }
  return keys.length;
}

/** In the mean one in GROUP_BYTES, by the entry alone. */
function isBoundary({ key, text }: Entry): boolean {
  return (typeof key === "number" ? mixNumber(key) : mixText(key)) / 2 ** 32 < text.length / GROUP_BYTES;
}

/** The end of MurmurHash3. */
function mixNumber(value: number): number {
  let mixed = Math.trunc(value / 2 ** 32) ^ value;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** FNV-1a, mixed. */
function mixText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return mixNumber(hash >>> 0);
}

export function compareKeys(a: EntryKey, b: EntryKey): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
