import { BuildEnding, environmentFailed, packageFailed } from "./ending.ts";

export interface WatchLimits {
  readonly timeoutMs: number;
  readonly silenceTimeoutMs: number;
  readonly diskReserveBytes: number;
}

export interface WatchOptions {
  readonly limits: WatchLimits;
  /** The build is cancelled, or its lease lost. */
  readonly signal: AbortSignal;
  readonly freeSpaceBytes: () => Promise<number>;
}

/** Free space is looked at this often; a fast disk writes about 1 GB in between. */
const DISK_CHECK_MS = 1_000;
/** Share of the disk reserve at which a running build is ended, so that the daemon's own writes still find room. */
const DISK_RESERVE_SHARE = 1 / 4;

/**
 * Watches one step that runs the package's code and ends it when a limit is passed: `signal` aborts, `ending` says
 * why. The clock here is a timer's: a machine that sleeps does not count.
 */
export class BuildWatch {
  readonly #options: WatchOptions;
  readonly #controller = new AbortController();
  readonly #timers: NodeJS.Timeout[];
  #silenceTimer: NodeJS.Timeout;
  #lowestFreeBytes = Number.POSITIVE_INFINITY;
  #ending: BuildEnding | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
    const { timeoutMs, silenceTimeoutMs } = options.limits;
    const outOfTime = (): void =>
      this.end(packageFailed(`the build took longer than ${formatLimit(timeoutMs)} (limit buildTimeoutMs)`, "timeout"));
    const silent = (): void =>
      this.end(
        packageFailed(`the build printed nothing for ${formatLimit(silenceTimeoutMs)} (limit buildSilenceTimeoutMs)`, "timeout"),
      );

    this.#silenceTimer = setTimeout(silent, silenceTimeoutMs);
    this.#timers = [setTimeout(outOfTime, timeoutMs), setInterval(() => void this.#checkDisk(), DISK_CHECK_MS)];
    if (options.signal.aborted) this.#cancelled();
    options.signal.addEventListener("abort", this.#cancelled, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Set when the watch ended the step. */
  get ending(): BuildEnding | undefined {
    return this.#ending;
  }

  get diskWasLow(): boolean {
    return this.#lowestFreeBytes < this.#options.limits.diskReserveBytes;
  }

  /** Something was printed. */
  sawOutput(): void {
    this.#silenceTimer.refresh();
  }

  end(ending: BuildEnding): void {
    if (this.#ending !== undefined) return;
    this.#ending = ending;
    this.#controller.abort(ending);
  }

  stop(): void {
    clearTimeout(this.#silenceTimer);
    for (const timer of this.#timers) clearInterval(timer);
    this.#options.signal.removeEventListener("abort", this.#cancelled);
  }

  readonly #cancelled = (): void => this.end(new BuildEnding("cancelled", "the build was cancelled"));

  async #checkDisk(): Promise<void> {
    // A file system that cannot be asked shows in the build itself.
    const freeBytes = await this.#options.freeSpaceBytes().catch(() => Number.POSITIVE_INFINITY);
    this.#lowestFreeBytes = Math.min(this.#lowestFreeBytes, freeBytes);
    const { diskReserveBytes } = this.#options.limits;
    if (freeBytes >= diskReserveBytes * DISK_RESERVE_SHARE) return;

    const left = `${Math.floor(freeBytes / 1024 ** 2)} MiB were left of a reserve of ${Math.floor(diskReserveBytes / 1024 ** 2)} MiB`;
    this.end(
      environmentFailed(`the build was stopped because the disk was nearly full: ${left} (limit diskReserveBytes)`, "disk"),
    );
  }
}

/** "150 min", "90 s", "1500 ms": whole units only, so that the value in the configuration is recognised. */
export function formatLimit(milliseconds: number): string {
  if (milliseconds % 60_000 === 0) return `${milliseconds / 60_000} min`;
  if (milliseconds % 1_000 === 0) return `${milliseconds / 1_000} s`;
  return `${milliseconds} ms`;
}
