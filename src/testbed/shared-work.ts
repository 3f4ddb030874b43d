/**
 * Work that several callers may want at the same time: done once, shared by all. It is aborted only when every caller
 * has given up; a caller that gives up does not wait.
 */
export class SharedWork<T> {
  readonly #running = new Map<string, { promise: Promise<T>; abort: AbortController; callers: number }>();

  async join(key: string, signal: AbortSignal | undefined, start: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    const work = this.#running.get(key) ?? this.#start(key, start);
    work.callers += 1;

    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        work.callers -= 1;
        if (work.callers === 0) {
          this.#running.delete(key);
          work.abort.abort(signal?.reason);
        }
        reject(signal?.reason as Error);
      };
      signal?.addEventListener("abort", giveUp, { once: true });
      work.promise.then(resolve, reject).finally(() => signal?.removeEventListener("abort", giveUp));
    });
  }

  #start(key: string, start: (signal: AbortSignal) => Promise<T>) {
    const abort = new AbortController();
    const work = { promise: start(abort.signal), abort, callers: 0 };
    this.#running.set(key, work);
    const forget = (): void => {
      if (this.#running.get(key) === work) this.#running.delete(key);
    };
    work.promise.then(forget, forget);
    return work;
  }
}
