import { EventEmitter } from "node:events";
import type { Logger } from "../runtime/index.ts";

/** In-process wake-up calls after commits: they carry no facts (those are rows), and may be missed or come for nothing. */
export class WakeTopics {
  readonly #emitter = new EventEmitter();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
    // Every reader of a live page listens.
    this.#emitter.setMaxListeners(0);
  }

  /** Returns the function that stops listening. */
  on(topic: string, listener: () => void): () => void {
    this.#emitter.on(topic, listener);
    return () => void this.#emitter.off(topic, listener);
  }

  wake(topic: string): void {
    try {
      this.#emitter.emit(topic);
    } catch (error) {
      this.#logger.error("a wake-up listener failed", { topic, error });
    }
  }
}
