import { freeSpaceBytes } from "../runtime/index.ts";
import type { FarmContext } from "./farm-context.ts";
import { noteWhyBuildsWait } from "./waiting-reason.ts";

/** Below the reserve no build starts, and every waiting one says why. */
export class DiskGuard {
  readonly #farm: FarmContext;
  #holdReason: string | undefined;

  constructor(farm: FarmContext) {
    this.#farm = farm;
  }

  get holdReason(): string | undefined {
    return this.#holdReason;
  }

  async allowsBuilds(): Promise<boolean> {
    const { buildsPath, limits, logger } = this.#farm;
    const freeBytes = await freeSpaceBytes(buildsPath);
    const isLow = freeBytes < limits.diskReserveBytes;
    const wasLow = this.#holdReason !== undefined;
    if (!isLow && !wasLow) return true;

    this.#holdReason = isLow
      ? `waits for disk space: less than ${Math.ceil(limits.diskReserveBytes / 1024 ** 2)} MiB are free (limit diskReserveBytes)`
      : undefined;
    await noteWhyBuildsWait(this.#farm, this.#holdReason);
    if (isLow !== wasLow)
      logger.warn(isLow ? "builds wait for disk space" : "builds go on: there is disk space again", { freeBytes });
    return !isLow;
  }
}
