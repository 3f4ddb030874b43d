import { freeSpaceBytes, monotonicMs } from "../runtime/index.ts";
import type { LayerStore } from "./layer-store.ts";

/** Without a change of the free space, sizes are looked at this often, and never for more than a part of the time. */
const INTERVAL_MS = 60_000;
const DURATION_FACTOR = 20;
/** Fallen free space that may be the work of one session: part of what it may write. */
const FALL_SHARE = 1 / 8;
const FALL_BYTES_MAX = 1024 ** 3;
const URGENT_INTERVAL_MS = 2_000;

export interface DiskQuestion {
  readonly freeBytes: number;
  /** The disk is nearly full. */
  readonly isUrgent: boolean;
  /** What one session may write. */
  readonly bytesMax: number;
}

/**
 * How much each session has written. Adding up its files takes long for large trees, so it is done only when the free
 * space fell by so much that one may be beyond its limit, and from time to time.
 */
export class DiskUse {
  readonly #store: LayerStore;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #durationMs = 0;
  #highestFreeBytes = 0;

  constructor(store: LayerStore) {
    this.#store = store;
  }

  freeBytes(): Promise<number> {
    return freeSpaceBytes(this.#store.storeDirectory);
  }

  /** By session; undefined when there is no reason to look. */
  async measure(sessionIds: readonly string[], question: DiskQuestion): Promise<Map<string, number> | undefined> {
    const { freeBytes } = question;
    this.#highestFreeBytes = Math.max(this.#highestFreeBytes, freeBytes);
    if (sessionIds.length === 0 || !this.#isDue(question)) return undefined;

    const startedMs = monotonicMs();
    const bytes = await this.#addUp(sessionIds);
    this.#lookedAtMs = monotonicMs();
    this.#durationMs = this.#lookedAtMs - startedMs;
    this.#highestFreeBytes = freeBytes;
    return bytes;
  }

  #isDue({ freeBytes, isUrgent, bytesMax }: DiskQuestion): boolean {
    const sinceMs = monotonicMs() - this.#lookedAtMs;
    const fell = this.#highestFreeBytes - freeBytes > Math.min(bytesMax * FALL_SHARE, FALL_BYTES_MAX);
    if (isUrgent) return sinceMs > URGENT_INTERVAL_MS;
    return sinceMs > Math.max(fell ? 0 : INTERVAL_MS, this.#durationMs * (fell ? 1 : DURATION_FACTOR));
  }

  async #addUp(sessionIds: readonly string[]): Promise<Map<string, number>> {
    const script =
      'for name; do set -- $(du --summarize --block-size=1 --one-file-system "$name" 2> /dev/null || :); echo "$name ${1:-0}"; done';
    const ended = await this.#store.asTestbedRoot(["sh", "-c", script, "sh", ...sessionIds]);
    const lines = ended.stdout.toString("utf8").trim().split("\n");
    return new Map(lines.map((line) => line.split(" ")).map(([name = "", bytes]) => [name, Number(bytes)]));
  }
}
