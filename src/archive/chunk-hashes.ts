import { createHash, type Hash } from "node:crypto";

export interface HashedFile {
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly sha512: string;
}

interface Checkpoint {
  /** Pieces before it. */
  readonly pieces: number;
  readonly sizeBytes: number;
  readonly sha256: Hash;
  readonly sha512: Hash;
}

/** Between two kept states: hashing this much takes 3 ms. */
const CHECKPOINT_BYTES = 1024 ** 2;

/**
 * Hashes of a file in pieces of which, from one time to the next, only the last ones change: the states of the
 * hashes on the way are kept, and what did not change is not hashed again.
 */
export class ChunkHashes {
  #checkpoints: Checkpoint[] = [];

  /** `unchanged`: the first pieces that are as they were the last time. Pieces before the result's checkpoint are not asked for. */
  hash(pieces: readonly (() => Uint8Array)[], unchanged: number): HashedFile {
    this.#checkpoints = this.#checkpoints.filter((checkpoint) => checkpoint.pieces <= unchanged);
    const start = this.#checkpoints.at(-1);
    const sha256 = start?.sha256.copy() ?? createHash("sha256");
    const sha512 = start?.sha512.copy() ?? createHash("sha512");
    let sizeBytes = start?.sizeBytes ?? 0;
    let keptAt = sizeBytes;
    for (let index = start?.pieces ?? 0; index < pieces.length; index += 1) {
      if (sizeBytes - keptAt >= CHECKPOINT_BYTES || (index >= pieces.length - 2 && sizeBytes > keptAt)) {
        this.#checkpoints.push({ pieces: index, sizeBytes, sha256: sha256.copy(), sha512: sha512.copy() });
        keptAt = sizeBytes;
      }
      const bytes = pieces[index]?.() ?? new Uint8Array();
      sha256.update(bytes);
      sha512.update(bytes);
      sizeBytes += bytes.length;
    }
    return { sizeBytes, sha256: sha256.digest("hex"), sha512: sha512.digest("hex") };
  }
}
