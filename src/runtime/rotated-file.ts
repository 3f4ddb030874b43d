import { type FileHandle, open, rename, rm } from "node:fs/promises";

export interface RotatedFileOptions {
  readonly path: string;
  /** Beyond, the file becomes `path.1`, that one `path.2`, and so on. */
  readonly sizeBytesMax: number;
  /** The current one and those before it. */
  readonly filesMax: number;
  /** Lines could not be written: so many are lost since the last time. */
  readonly onLoss: (lost: number, error: unknown) => void;
}

const FLUSH_INTERVAL_MS = 250;
/** What waits to be written; a disk that takes nothing must not fill the memory. */
const PENDING_CHARACTERS_MAX = 4 * 1024 ** 2;
const MODE = 0o640;

/**
 * Lines appended to a file of bounded size, as logs are. Nobody waits for the disk: lines are taken at once and written
 * soon after; those that cannot be are lost, and counted. Opened for each write, so that the administrator may move it away.
 */
export class RotatedFile {
  readonly #options: RotatedFileOptions;
  #pending: string[] = [];
  #pendingCharacters = 0;
  #lost = 0;
  #isStarted = false;
  #isMidLine = true;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: RotatedFileOptions) {
    this.#options = options;
  }

  /** Newest first; not all of them need be there. */
  get paths(): string[] {
    const { path, filesMax } = this.#options;
    return [path, ...Array.from({ length: filesMax - 1 }, (_, index) => `${path}.${index + 1}`)];
  }

  /** Write from now on: its directory is there. What was appended before has waited. */
  start(): void {
    this.#isStarted = true;
    this.#writeSoon();
  }

  /** One line, without its end. */
  append(line: string): void {
    if (this.#pendingCharacters + line.length > PENDING_CHARACTERS_MAX) {
      this.#lost += 1;
      return;
    }
    this.#pending.push(line);
    this.#pendingCharacters += line.length + 1;
    this.#writeSoon();
  }

  /** Resolves when all that was appended is written, or lost. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#isStarted) this.#writing = this.#writing.then(() => this.#writePending());
    return this.#writing;
  }

  #writeSoon(): void {
    if (!this.#isStarted || this.#pending.length === 0) return;
    this.#timer ??= setTimeout(() => void this.flush(), FLUSH_INTERVAL_MS).unref();
  }

  async #writePending(): Promise<void> {
    const lines = this.#pending;
    this.#pending = [];
    this.#pendingCharacters = 0;
    let written = 0;
    try {
      while (written < lines.length) written += await this.#writeSome(lines.slice(written));
      if (this.#lost > 0) this.#tellLoss(new Error("lines came faster than they could be written"));
    } catch (error) {
      // It may have ended in the middle of a line: a full disk takes what it can.
      this.#isMidLine = true;
      this.#lost += lines.length - written;
      this.#tellLoss(error);
    }
  }

  #tellLoss(error: unknown): void {
    const lost = this.#lost;
    this.#lost = 0;
    this.#options.onLoss(lost, error);
  }

  /** As many as the file has room for, at least one. Returns how many. */
  async #writeSome(lines: readonly string[]): Promise<number> {
    const { path, sizeBytesMax } = this.#options;
    let handle = await open(path, "a+", MODE);
    try {
      let { size } = await handle.stat();
      if (size > 0 && size + Buffer.byteLength(lines[0] ?? "") >= sizeBytesMax) {
        await handle.close();
        await this.#rotate();
        handle = await open(path, "a+", MODE);
        ({ size } = await handle.stat());
      }
      const { count, text } = fitting(lines, sizeBytesMax - size);
      await handle.appendFile(await this.#afterWholeLine(handle, size, text));
      return count;
    } finally {
      await handle.close();
    }
  }

  /** What a crash or a full disk cut off stays a line of its own. */
  async #afterWholeLine(handle: FileHandle, size: number, text: string): Promise<string> {
    if (!this.#isMidLine) return text;

    this.#isMidLine = false;
    if (size === 0) return text;
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
    return buffer[0] === 0x0a ? text : `\n${text}`;
  }

  async #rotate(): Promise<void> {
    const { paths } = this;
    await rm(paths.at(-1) ?? "", { force: true });
    for (let index = paths.length - 1; index > 0; index -= 1) {
      await rename(paths[index - 1] ?? "", paths[index] ?? "").catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOENT") throw error;
      });
    }
  }
}

function fitting(lines: readonly string[], bytesFree: number): { readonly count: number; readonly text: string } {
  let bytes = 0;
  let count = 0;
  for (const line of lines) {
    bytes += Buffer.byteLength(line) + 1;
    if (count > 0 && bytes > bytesFree) break;
    count += 1;
  }
  return { count, text: `${lines.slice(0, count).join("\n")}\n` };
}
