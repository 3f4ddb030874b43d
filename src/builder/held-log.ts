import type { CheckLog } from "./check-log.ts";

/** Keeps what is written until there is a place for it: not in the part of the log of another step. */
export class HeldLog implements CheckLog {
  readonly #held: ((log: CheckLog) => void)[] = [];
  #log: CheckLog | undefined;

  output(chunk: Uint8Array): void {
    this.#write((log) => log.output(chunk));
  }

  line(text: string): void {
    this.#write((log) => log.line(text));
  }

  goTo(log: CheckLog): void {
    this.#log = log;
    for (const write of this.#held.splice(0)) write(log);
  }

  #write(write: (log: CheckLog) => void): void {
    if (this.#log === undefined) this.#held.push(write);
    else write(this.#log);
  }
}
