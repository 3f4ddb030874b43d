export interface WakeUpOptions {
  /** Wake at least this often; undefined: only when called. */
  readonly pollIntervalMs: number | undefined;
  readonly signal: AbortSignal;
}

/**
 * Waiting without missing a call: `reset`, look for news, `wait`. A call between reset and wait ends the wait at once.
 * Aborting the signal ends it for good.
 */
export class WakeUp implements Disposable {
  readonly #options: WakeUpOptions;
  readonly #onAbort = (): void => this.wake();
  #called = Promise.withResolvers<void>();

  constructor(options: WakeUpOptions) {
    this.#options = options;
    options.signal.addEventListener("abort", this.#onAbort);
  }

  reset(): void {
    this.#called = Promise.withResolvers<void>();
  }

  wake(): void {
    this.#called.resolve();
  }

  async wait(): Promise<void> {
    if (this.#options.signal.aborted) return;

    const { pollIntervalMs } = this.#options;
    const timer = pollIntervalMs === undefined ? undefined : setTimeout(() => this.wake(), pollIntervalMs);
    await this.#called.promise;
    clearTimeout(timer);
  }

  [Symbol.dispose](): void {
    this.#options.signal.removeEventListener("abort", this.#onAbort);
  }
}
