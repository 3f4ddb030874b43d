import { availableMemoryBytes } from "../runtime/index.ts";
import type { FarmContext } from "./farm-context.ts";
import { noteWhyBuildsWait } from "./waiting-reason.ts";

/**
 * Below the reserve no further build starts beside those that run, and every waiting one says why. One alone may: what
 * it does not get from other programs it does not get later either.
 */
export class MemoryGuard {
  readonly #farm: FarmContext;
  #holdReason: string | undefined;

  constructor(farm: FarmContext) {
    this.#farm = farm;
  }

  get holdReason(): string | undefined {
    return this.#holdReason;
  }

  async allowsBuilds(running: number): Promise<boolean> {
    const { limits, logger } = this.#farm;
    const availableBytes = running === 0 ? Number.POSITIVE_INFINITY : await availableMemoryBytes();
    const isLow = availableBytes < limits.memoryReserveBytes;
    const wasLow = this.#holdReason !== undefined;
    if (!isLow && !wasLow) return true;

    this.#holdReason = isLow
      ? `waits for memory: less than ${Math.ceil(limits.memoryReserveBytes / 1024 ** 2)} MiB are available while others build (limit memoryReserveBytes)`
      : undefined;
    await noteWhyBuildsWait(this.#farm, this.#holdReason);
    if (isLow !== wasLow)
      logger.warn(isLow ? "builds wait for memory" : "builds go on: there is memory again", { availableBytes });
    return !isLow;
  }
}
