import type { Database } from "../database/index.ts";
import { type AppError, type Clock, type Logger, quotaKeyOf } from "../runtime/index.ts";
import type { UploadChannel } from "./channel.ts";
import { recordRefusal } from "./delivery-events.ts";

export interface Refusal {
  /** Absent when a connection was refused before it named a file. */
  readonly name?: string | undefined;
  readonly channel: UploadChannel;
  readonly peer: string;
  readonly error: AppError;
}

export interface RefusalLogOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
}

const MINUTE_MS = 60_000;
/** Of all peers together. */
const REFUSALS_PER_MINUTE_MAX = 100;

/**
 * Makes events of refused files, at most one for each peer and code in a minute: a flood must not fill the table. The
 * log has all of them.
 */
export class RefusalLog {
  readonly #options: RefusalLogOptions;
  /** When each peer and code was last recorded. */
  readonly #recordedMs = new Map<string, number>();

  constructor(options: RefusalLogOptions) {
    this.#options = options;
  }

  /** Never throws: the refusal itself must reach the client, with or without the database. */
  async record(refusal: Refusal): Promise<void> {
    if (!this.#isNews(refusal)) return;
    try {
      await this.#options.database.transaction((tx) => recordRefusal(tx, refusal));
    } catch (error) {
      this.#options.logger.error("a refused upload could not be recorded", { error, code: refusal.error.code });
    }
  }

  #isNews({ peer, error }: Refusal): boolean {
    const nowMs = this.#options.clock.now().getTime();
    for (const [key, recordedMs] of this.#recordedMs) {
      if (nowMs - recordedMs >= MINUTE_MS || nowMs < recordedMs) this.#recordedMs.delete(key);
    }
    const key = `${quotaKeyOf(peer)} ${error.code}`;
    if (this.#recordedMs.has(key) || this.#recordedMs.size >= REFUSALS_PER_MINUTE_MAX) return false;

    this.#recordedMs.set(key, nowMs);
    return true;
  }
}
