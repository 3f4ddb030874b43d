import { freeSpaceBytes } from "../runtime/index.ts";
import { diskReserveReached } from "./upload-errors.ts";

/** Asking the file system for each chunk would cost more than it tells. */
const CHECK_EVERY_BYTES = 16 * 1024 ** 2;

/** Watches that a transfer leaves the disk its reserve. One per transfer. */
export class DiskReserve {
  readonly #path: string;
  readonly #reserveBytes: number;
  #uncheckedBytes = 0;

  constructor(path: string, reserveBytes: number) {
    this.#path = path;
    this.#reserveBytes = reserveBytes;
  }

  /** Throws UPLOAD_DISK_RESERVE unless `expectedBytes` more would leave the reserve. */
  async check(expectedBytes: number): Promise<void> {
    const free = await freeSpaceBytes(this.#path);
    if (free - expectedBytes < this.#reserveBytes) throw diskReserveReached(this.#reserveBytes);
  }

  /** To be called for each chunk. */
  async grow(chunkBytes: number): Promise<void> {
    this.#uncheckedBytes += chunkBytes;
    if (this.#uncheckedBytes < CHECK_EVERY_BYTES) return;

    this.#uncheckedBytes = 0;
    await this.check(0);
  }
}
