/**
 * Between those who make links into a repository's tree (publications, snapshots), any number at a time, and the
 * clean-up that removes links which no row asks for: alone. Without it, a link that just became wanted could go.
 */
export class PoolLock {
  readonly #sharers = new Set<Promise<unknown>>();
  /** Settles with the last one who asked to be alone; undefined when nobody is or wants to be. */
  #alone: Promise<unknown> | undefined;

  async shared<T>(work: () => Promise<T>): Promise<T> {
    while (this.#alone !== undefined) await this.#alone;
    const running = work();
    const settled = running.catch(() => undefined);
    this.#sharers.add(settled);
    try {
      return await running;
    } finally {
      this.#sharers.delete(settled);
    }
  }

  /** For a short piece of work; new sharers wait for it. */
  async exclusive<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#alone;
    const running = this.#afterOthers(before, work);
    const settled: Promise<unknown> = running
      .catch(() => undefined)
      .then(() => {
        if (this.#alone === settled) this.#alone = undefined;
      });
    this.#alone = settled;
    return running;
  }

  async #afterOthers<T>(before: Promise<unknown> | undefined, work: () => Promise<T>): Promise<T> {
    await before;
    await Promise.all(this.#sharers);
    return work();
  }
}
