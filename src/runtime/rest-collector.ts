import { monotonicMs } from "./clock.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { collectSooner } from "./collect-sooner.ts";

const INTERVAL_MS = 10_000;
const RESTING_INTERVALS = 2;
/** Of one processor: what polls and a few readers take. */
const RESTING_LOAD_MAX = 0.05;
const WORTHWHILE_BYTES = 4 * 1024 ** 2;

/** What the process has taken until now. */
export interface Usage {
  readonly atMs: number;
  readonly processorMs: number;
  readonly residentBytes: number;
  /** Somebody may wait for what goes on, even if it is others who do the work. */
  readonly isBusy: boolean;
}

/**
 * Whether memory is worth to be collected now: nothing was done for a while, and more is resident than after the last
 * time. The work itself then costs nobody anything: it stops the event loop for a tenth of a second.
 */
export class RestWatch {
  #last: Usage;
  #restingIntervals = 0;
  #leastBytes = 0;

  constructor(start: Usage) {
    this.#last = start;
  }

  /** To be asked at regular intervals. */
  isTime(now: Usage): boolean {
    const load = (now.processorMs - this.#last.processorMs) / (now.atMs - this.#last.atMs);
    this.#last = now;
    this.#restingIntervals = !now.isBusy && load <= RESTING_LOAD_MAX ? this.#restingIntervals + 1 : 0;
    return this.#restingIntervals >= RESTING_INTERVALS && now.residentBytes >= this.#leastBytes + WORTHWHILE_BYTES;
  }

  /** In the last interval nothing was done. */
  get isResting(): boolean {
    return this.#restingIntervals > 0;
  }

  /** With what is resident afterwards. */
  collected(residentBytes: number): void {
    this.#leastBytes = residentBytes;
  }
}

/**
 * Give memory back while the process rests: left alone, V8 keeps what the last burst of work needed for hours. Returns
 * how to end it.
 */
export function collectAtRest(isBusy: () => boolean): () => void {
  const usage = (): Usage => ({ ...readUsage(), isBusy: isBusy() });
  const watch = new RestWatch(usage());
  let collectAsUsual: (() => void) | undefined;
  const timer = setInterval(() => {
    const isTime = watch.isTime(usage());
    if (!watch.isResting) {
      collectAsUsual?.();
      collectAsUsual = undefined;
    }
    if (!isTime) return;

    // What little is done in rest shall not have the heap grow again.
    collectAsUsual ??= collectSooner();
    collectGarbage({ isLastResort: true });
    watch.collected(process.memoryUsage.rss());
  }, INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}

function readUsage(): Omit<Usage, "isBusy"> {
  const { user, system } = process.cpuUsage();
  return { atMs: monotonicMs(), processorMs: (user + system) / 1_000, residentBytes: process.memoryUsage.rss() };
}
