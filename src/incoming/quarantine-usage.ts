import type { Limits } from "../runtime/index.ts";
import { quarantineFull } from "./upload-errors.ts";

export type QuarantineLimits = Pick<Limits, "quarantineSizeBytesMax" | "quarantineFileCountMax" | "waitingChangesCountMax">;

/**
 * How full quarantine is, arriving bytes included. One process writes quarantine (the home lock), so counting in
 * memory is exact; `Quarantine.open` starts it from the rows.
 */
export class QuarantineUsage {
  readonly #limits: QuarantineLimits;
  #sizeBytes = 0;
  #fileCount = 0;
  #changesCount = 0;

  constructor(limits: QuarantineLimits) {
    this.#limits = limits;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get fileCount(): number {
    return this.#fileCount;
  }

  /** Throws UPLOAD_QUARANTINE_FULL. */
  addFile(isChanges: boolean): void {
    if (this.#fileCount >= this.#limits.quarantineFileCountMax)
      throw quarantineFull("files", this.#limits.quarantineFileCountMax);
    if (isChanges && this.#changesCount >= this.#limits.waitingChangesCountMax) {
      throw quarantineFull("changes", this.#limits.waitingChangesCountMax);
    }

    this.#fileCount += 1;
    if (isChanges) this.#changesCount += 1;
  }

  /** Throws UPLOAD_QUARANTINE_FULL. */
  addBytes(sizeBytes: number): void {
    this.mustFit(sizeBytes);
    this.#sizeBytes += sizeBytes;
  }

  mustFit(sizeBytes: number): void {
    if (this.#sizeBytes + sizeBytes > this.#limits.quarantineSizeBytesMax) {
      throw quarantineFull("bytes", this.#limits.quarantineSizeBytesMax);
    }
  }

  /** What is on disk already counts, whatever the limits say now. */
  countStored(file: { sizeBytes: number; isChanges: boolean }): void {
    this.#sizeBytes += file.sizeBytes;
    this.#fileCount += 1;
    if (file.isChanges) this.#changesCount += 1;
  }

  remove(file: { sizeBytes: number; isChanges: boolean }): void {
    this.#sizeBytes -= file.sizeBytes;
    this.#fileCount -= 1;
    if (file.isChanges) this.#changesCount -= 1;
  }
}
