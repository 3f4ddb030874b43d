import { Agent, type IncomingMessage, request } from "node:http";

/** Many readers of `/api/v1/events` at once, in one process. */
export class EventListeners {
  readonly #agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });
  readonly #answers: IncomingMessage[] = [];
  #events = 0;
  #waiting: { readonly count: number; readonly resolve: () => void } | undefined;

  async open(url: string, count: number): Promise<void> {
    for (let opened = 0; opened < count; opened += 50) {
      await Promise.all(Array.from({ length: Math.min(50, count - opened) }, () => this.#openOne(url)));
    }
  }

  /** Resolves when so many messages came, since they were opened, over all listeners. */
  async until(count: number): Promise<void> {
    if (this.#events >= count) return;
    await new Promise<void>((resolve) => {
      this.#waiting = { count, resolve };
    });
  }

  close(): void {
    for (const answer of this.#answers) answer.destroy();
    this.#agent.destroy();
  }

  #openOne(url: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const headers = { accept: "text/event-stream" };
      const sent = request(`${url}/api/v1/events?types=all`, { headers, agent: this.#agent }, (answer) => {
        if (answer.statusCode !== 200) return reject(new Error(`status ${answer.statusCode}`));
        this.#answers.push(answer);
        answer.on("data", (chunk: Buffer) => this.#take(chunk));
        answer.on("error", () => {});
        return resolve();
      });
      sent.once("error", reject);
      sent.end();
    });
  }

  #take(chunk: Buffer): void {
    this.#events += chunk.toString("latin1").split("\ndata: ").length - 1;
    const waiting = this.#waiting;
    if (waiting !== undefined && this.#events >= waiting.count) {
      this.#waiting = undefined;
      waiting.resolve();
    }
  }
}
