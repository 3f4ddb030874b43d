import { freeSpaceBytes, monotonicMs } from "../runtime/index.ts";
import type { FarmContext } from "./farm-context.ts";
import { noteWhyBuildsWait } from "./waiting-reason.ts";

/** Makes room until so much is free, if it can; may take its time. */
export type MakeRoom = (freeBytesMin: number) => Promise<unknown>;

/** More than the reserve, so that the next build does not meet it again at once. */
const ROOM_FACTOR = 1.5;
/** What could go has gone: whether more may go now is looked at this often. */
const MAKE_ROOM_INTERVAL_MS = 30_000;

/** Below the reserve no build starts, every waiting one says why, and room is made. */
export class DiskGuard {
  readonly #farm: FarmContext;
  readonly #makeRoom: MakeRoom | undefined;
  #holdReason: string | undefined;
  #makingRoom: Promise<void> | undefined;
  #madeRoomAtMs = Number.NEGATIVE_INFINITY;

  constructor(farm: FarmContext, makeRoom?: MakeRoom) {
    this.#farm = farm;
    this.#makeRoom = makeRoom;
  }

  get holdReason(): string | undefined {
    return this.#holdReason;
  }

  async allowsBuilds(): Promise<boolean> {
    const { buildsPath, limits, logger } = this.#farm;
    const freeBytes = await freeSpaceBytes(buildsPath);
    const isLow = freeBytes < limits.diskReserveBytes;
    if (isLow) this.#startMakingRoom(limits.diskReserveBytes * ROOM_FACTOR);
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

  /** In the background: the free space shows what came of it. */
  #startMakingRoom(freeBytesMin: number): void {
    const isDue = monotonicMs() - this.#madeRoomAtMs > MAKE_ROOM_INTERVAL_MS;
    if (this.#makeRoom === undefined || this.#makingRoom !== undefined || !isDue) return;

    const { logger } = this.#farm;
    this.#makingRoom = this.#makeRoom(freeBytesMin)
      .then(
        (made) => logger.info("room was made on the disk", { made }),
        (error: unknown) => logger.warn("no room could be made on the disk", { error }),
      )
      .finally(() => {
        this.#makingRoom = undefined;
        this.#madeRoomAtMs = monotonicMs();
      });
  }
}
