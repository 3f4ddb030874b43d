import { invalidDeb } from "./invalid-deb.ts";

/** Takes exact amounts of bytes from a stream of pieces. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(input: AsyncIterable<Buffer>) {
    this.#chunks = input[Symbol.asyncIterator]();
  }

  /** Undefined at the end; DEB_INVALID when it ends within. */
  async read(sizeBytes: number): Promise<Buffer | undefined> {
    const parts: Buffer[] = [];
    let missing = sizeBytes;
    while (missing > 0) {
      if (this.#rest.length === 0 && !(await this.#more())) {
        if (missing === sizeBytes) return undefined;
        throw invalidDeb("an archive in it is cut off");
      }
      const part = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(part.length);
      parts.push(part);
      missing -= part.length;
    }
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  }

  /** DEB_INVALID when there are fewer. */
  async skip(sizeBytes: number): Promise<void> {
    let missing = sizeBytes;
    while (missing > 0) {
      if (this.#rest.length === 0 && !(await this.#more())) throw invalidDeb("an archive in it is cut off");
      const skipped = Math.min(missing, this.#rest.length);
      this.#rest = this.#rest.subarray(skipped);
      missing -= skipped;
    }
  }

  /** Reads to the end, so that checksums of the compression are looked at. */
  async drain(): Promise<void> {
    while (await this.#more()) this.#rest = Buffer.alloc(0);
  }

  /** Ends the source early. May be called twice. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#chunks.next();
    if (done) return false;
    this.#rest = value;
    return this.#rest.length > 0 || this.#more();
  }
}
