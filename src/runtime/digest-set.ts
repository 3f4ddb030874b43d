import { createHash, hash } from "node:crypto";

/** All digests are lower-case hex. */
export interface FileHashes {
  readonly sizeBytes: number;
  readonly md5: string;
  readonly sha1: string;
  readonly sha256: string;
  readonly sha512: string;
}

/** The digests that Debian's files list, of bytes that come in pieces. */
export class DigestSet {
  readonly #hashes = {
    md5: createHash("md5"),
    sha1: createHash("sha1"),
    sha256: createHash("sha256"),
    sha512: createHash("sha512"),
  };
  #sizeBytes = 0;

  update(bytes: Uint8Array): void {
    this.#sizeBytes += bytes.length;
    for (const hash of Object.values(this.#hashes)) hash.update(bytes);
  }

  /** Once, at the end. */
  result(): FileHashes {
    const { md5, sha1, sha256, sha512 } = this.#hashes;
    return {
      sizeBytes: this.#sizeBytes,
      md5: md5.digest("hex"),
      sha1: sha1.digest("hex"),
      sha256: sha256.digest("hex"),
      sha512: sha512.digest("hex"),
    };
  }
}

/** All digests of bytes in memory: for small ones, a third of what a DigestSet takes. */
export function hashBytes(bytes: Uint8Array): FileHashes {
  return {
    sizeBytes: bytes.length,
    md5: hash("md5", bytes),
    sha1: hash("sha1", bytes),
    sha256: hash("sha256", bytes),
    sha512: hash("sha512", bytes),
  };
}
