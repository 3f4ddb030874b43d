import { createHash } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { AppError, syncDirectory } from "../runtime/index.ts";
import type { DiskReserve } from "./disk-reserve.ts";
import type { QuarantineUsage } from "./quarantine-usage.ts";
import { diskFull, fileTooLarge, transferCut } from "./upload-errors.ts";

export interface FileIntakeOptions {
  readonly name: string;
  readonly path: string;
  readonly peer: string;
  readonly isChanges: boolean;
  readonly sizeBytesMax: number;
  /** Announced by the client (Content-Length, ALLO); another size in the end means that the transfer was cut. */
  readonly expectedSizeBytes: number | undefined;
  readonly usage: QuarantineUsage;
  readonly reserve: DiskReserve;
  /** Stores the row; called when the bytes are durable at `path`. */
  readonly record: (file: ReceivedFile) => Promise<void>;
}

export interface ReceivedFile {
  readonly sizeBytes: number;
  /** Lower-case hex, of exactly the bytes that were written. */
  readonly sha256: string;
}

/**
 * One file on its way in: bytes go to `<path>.part`. Ends by exactly one of `finish` and `abort`; a failed `write` or
 * `finish` has aborted already. Nothing of an aborted file stays.
 */
export class FileIntake {
  readonly #options: FileIntakeOptions;
  readonly #handle: FileHandle;
  readonly #hash = createHash("sha256");
  #sizeBytes = 0;
  #isOpen = true;

  private constructor(options: FileIntakeOptions, handle: FileHandle) {
    this.#options = options;
    this.#handle = handle;
  }

  static async begin(options: FileIntakeOptions): Promise<FileIntake> {
    const { expectedSizeBytes, usage, peer, isChanges } = options;
    if (expectedSizeBytes !== undefined && expectedSizeBytes > options.sizeBytesMax) {
      throw fileTooLarge(options.name, options.sizeBytesMax);
    }
    usage.mustFit(peer, expectedSizeBytes ?? 0);
    await options.reserve.check(expectedSizeBytes ?? 0);

    usage.add({ peer, isChanges, sizeBytes: 0, isNewFile: true });
    try {
      return new FileIntake(options, await open(`${options.path}.part`, "wx", 0o600));
    } catch (error) {
      usage.remove({ peer, sizeBytes: 0, isChanges });
      throw asDiskError(error);
    }
  }

  /** Throws UPLOAD_FILE_TOO_LARGE, UPLOAD_QUARANTINE_FULL, UPLOAD_DISK_RESERVE. */
  async write(chunk: Uint8Array): Promise<void> {
    const { name, peer, isChanges, sizeBytesMax, usage, reserve } = this.#options;
    try {
      if (this.#sizeBytes + chunk.length > sizeBytesMax) throw fileTooLarge(name, sizeBytesMax);
      usage.add({ peer, isChanges, sizeBytes: chunk.length, isNewFile: false });
      this.#sizeBytes += chunk.length;

      await reserve.grow(chunk.length);
      this.#hash.update(chunk);
      await this.#handle.writeFile(chunk);
    } catch (error) {
      await this.abort();
      throw asDiskError(error);
    }
  }

  /** The file is whole: make it and its row durable. Throws UPLOAD_TRANSFER_CUT when it has not the announced size. */
  async finish(): Promise<ReceivedFile> {
    const { name, path, expectedSizeBytes, record } = this.#options;
    try {
      if (expectedSizeBytes !== undefined && expectedSizeBytes !== this.#sizeBytes) {
        throw transferCut(name, this.#sizeBytes, expectedSizeBytes);
      }

      const received = { sizeBytes: this.#sizeBytes, sha256: this.#hash.digest("hex") };
      await this.#handle.sync();
      await rename(`${path}.part`, path);
      await syncDirectory(dirname(path));
      await record(received);

      this.#isOpen = false;
      await this.#handle.close();
      return received;
    } catch (error) {
      await this.abort();
      throw asDiskError(error);
    }
  }

  /** Forget the file. May be called at any time, also twice, also after `finish` (then it does nothing). */
  async abort(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;

    const { path, usage, peer, isChanges } = this.#options;
    usage.remove({ peer, sizeBytes: this.#sizeBytes, isChanges });
    await this.#handle.close();
    await rm(`${path}.part`, { force: true });
    await rm(path, { force: true });
  }
}

/** A full disk is an ordinary event: the client is told, the daemon goes on. */
function asDiskError(error: unknown): unknown {
  if (error instanceof AppError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  return code === "ENOSPC" || code === "EDQUOT" ? diskFull(error) : error;
}
