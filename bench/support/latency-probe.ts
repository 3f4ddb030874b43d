import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** Milliseconds of each answer, by URL and moment; the last moments may have none yet. All URLs are asked at the same moments. */
export type Latencies = Readonly<Record<string, readonly (number | undefined)[]>>;

/** Asks URLs at a fixed rate from a thread of its own, so that the bench's own work does not count. */
export class LatencyProbe {
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** Each URL is asked every `intervalMs`, whether or not the one before has been answered. */
  static async start(urls: readonly string[], intervalMs: number): Promise<LatencyProbe> {
    const worker = new Worker(new URL("./latency-worker.ts", import.meta.url), { workerData: { urls, intervalMs } });
    await once(worker, "message");
    return new LatencyProbe(worker);
  }

  async stop(): Promise<Latencies> {
    const answer = once(this.#worker, "message");
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#worker.postMessage("stop");
    const [latencies] = (await answer) as [Latencies];
    await this.#worker.terminate();
    return latencies;
  }
}
