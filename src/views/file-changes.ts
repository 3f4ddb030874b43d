import { type FSWatcher, watch } from "node:fs";
import { dirname } from "node:path";
import { setTimeout } from "node:timers/promises";

/** Bursts of writes become one wake-up. */
const SETTLE_MS = 40;

/**
 * Says when a file (or one beside it) may have changed. A wake-up may be spurious and may be missed (the directory
 * may not exist yet, the system may be out of watches), so waiting is bounded.
 */
export class FileChanges implements Disposable {
  readonly #path: string;
  #watcher: FSWatcher | undefined;
  #hasChanged = false;
  #wake: (() => void) | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#watch();
  }

  /** Returns after a change since the last call, after `timeoutMs`, or when aborted. */
  async next(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#watcher === undefined) this.#watch();
    await pause(SETTLE_MS, signal);
    if (!this.#hasChanged) await this.#waitForWake(timeoutMs, signal);
    this.#hasChanged = false;
  }

  [Symbol.dispose](): void {
    this.#watcher?.close();
    this.#wake?.();
  }

  #watch(): void {
    try {
      this.#watcher = watch(dirname(this.#path), { persistent: false }, () => this.#changed());
      this.#watcher.on("error", () => {
        this.#watcher?.close();
        this.#watcher = undefined;
      });
    } catch {
      // No such directory yet, or no watch left: the time limit of next() does instead.
    }
  }

  #changed(): void {
    this.#hasChanged = true;
    this.#wake?.();
  }

  async #waitForWake(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    await Promise.race([woken, pause(timeoutMs, signal)]);
    this.#wake = undefined;
  }
}

/** Ends early, without an error, when aborted. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return setTimeout(ms, undefined, { ...(signal && { signal }), ref: false }).catch(() => {});
}
