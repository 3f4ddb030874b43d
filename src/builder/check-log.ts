import type { BuildLog } from "./build-log.ts";

/** Where a check prints. */
export type CheckLog = Pick<BuildLog, "output" | "line">;

/** What one check may print while another one's part of the log is being written; the rest of it is left out. */
const WAITING_BYTES_MAX = 16 * 1024 ** 2;

/**
 * Checks run side by side, and the log has the output of one after the other: that of the first as it comes, that of
 * the others when those before them have ended.
 */
export class CheckLogs {
  readonly #log: CheckLog;
  readonly #sections: Section[] = [];

  constructor(log: CheckLog) {
    this.#log = log;
  }

  /** In this order they are in the log. */
  open(name: string): CheckLog {
    const section = new Section(name, this.#log);
    this.#sections.push(section);
    this.#advance();
    return section;
  }

  close(log: CheckLog): void {
    for (const section of this.#sections) if (section === log) section.hasEnded = true;
    this.#advance();
  }

  #advance(): void {
    for (const section of this.#sections) {
      section.goLive();
      if (!section.hasEnded) return;
    }
  }
}

class Section implements CheckLog {
  hasEnded = false;
  readonly #name: string;
  readonly #log: CheckLog;
  readonly #waiting: (() => void)[] = [];
  #waitingBytes = 0;
  #isLive = false;

  constructor(name: string, log: CheckLog) {
    this.#name = name;
    this.#log = log;
  }

  output(chunk: Uint8Array): void {
    if (this.#isLive) return this.#log.output(chunk);

    const room = WAITING_BYTES_MAX - this.#waitingBytes;
    const kept = chunk.length <= room ? chunk : chunk.subarray(0, room);
    this.#waitingBytes += chunk.length;
    if (kept.length > 0) this.#waiting.push(() => this.#log.output(kept));
  }

  line(text: string): void {
    if (this.#isLive) return this.#log.line(text);
    this.#waiting.push(() => this.#log.line(text));
  }

  goLive(): void {
    if (this.#isLive) return;
    this.#isLive = true;
    this.#log.line(`--- ${this.#name} ---`);
    for (const write of this.#waiting.splice(0)) write();
    const lostBytes = this.#waitingBytes - WAITING_BYTES_MAX;
    if (lostBytes > 0) this.#log.line(`mini-buildd: ${lostBytes} bytes of ${this.#name}'s output are left out here`);
  }
}
