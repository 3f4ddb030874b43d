import type { EventView } from "../operations/index.ts";
import { monotonicMs } from "../runtime/index.ts";

export interface StepProgressParts {
  readonly tell: (line: string) => void;
  /** Pieces of a build's log, from its begin; ends when the signal aborts. */
  readonly readLog: (buildId: string, signal: AbortSignal) => AsyncIterable<string>;
}

/** A step that takes longer than this is worth a line, and again after each further one. */
export const TELL_INTERVAL_MS = 10_000;
const LINE_LENGTH_MAX = 100;

interface RunningStep {
  readonly label: string;
  readonly startedMs: number;
  readonly timer: NodeJS.Timeout;
  lookCount: number;
}

/** Tells what steps that take long are doing: the newest line of the build's log. */
export class StepProgress {
  readonly #parts: StepProgressParts;
  readonly #steps = new Map<string, RunningStep>();
  readonly #logs = new Map<string, LogFollower>();

  constructor(parts: StepProgressParts) {
    this.#parts = parts;
  }

  /** Of the upload that is told. */
  take(event: EventView): void {
    const { build, data } = event;
    if (build === null) return;
    if (event.type === "build-state") this.#forget(build);
    if (event.type !== "build-step") return;

    this.#endStep(build);
    if (data["type"] === "started") this.#startStep(build, `${event.architecture}: ${String(data["step"])}`);
  }

  close(): void {
    for (const build of [...this.#steps.keys(), ...this.#logs.keys()]) this.#forget(build);
  }

  #startStep(build: string, label: string): void {
    const timer = setInterval(() => this.#look(build), TELL_INTERVAL_MS / 2);
    this.#steps.set(build, { label, startedMs: monotonicMs(), timer, lookCount: 0 });
  }

  #look(build: string): void {
    const step = this.#steps.get(build);
    if (step === undefined) return;
    const log = this.#logs.get(build) ?? this.#follow(build);
    // Every other time: so that the log was read when the first line is told.
    step.lookCount += 1;
    if (step.lookCount % 2 === 1) return;

    const line = log.takeNewestLine();
    const seconds = Math.round((monotonicMs() - step.startedMs) / 1000);
    this.#parts.tell(`          ${step.label}, ${seconds} s${line === undefined ? "" : `: ${line}`}\n`);
  }

  /** Only logs of steps that take long are read: the others are over before one could look. */
  #follow(build: string): LogFollower {
    const log = new LogFollower((signal) => this.#parts.readLog(build, signal));
    this.#logs.set(build, log);
    return log;
  }

  #endStep(build: string): void {
    clearInterval(this.#steps.get(build)?.timer);
    this.#steps.delete(build);
  }

  #forget(build: string): void {
    this.#endStep(build);
    this.#logs.get(build)?.close();
    this.#logs.delete(build);
  }
}

/** Reads along, and remembers the newest whole line. */
class LogFollower {
  readonly #stop = new AbortController();
  #rest = "";
  #newest: string | undefined;

  constructor(read: (signal: AbortSignal) => AsyncIterable<string>) {
    // Progress is a courtesy: without the log it has only the time to tell.
    this.#follow(read(this.#stop.signal)).catch(() => {});
  }

  /** Undefined when there was none since the last call. */
  takeNewestLine(): string | undefined {
    const line = this.#newest;
    this.#newest = undefined;
    return line;
  }

  close(): void {
    this.#stop.abort();
  }

  async #follow(pieces: AsyncIterable<string>): Promise<void> {
    for await (const piece of pieces) {
      const lines = (this.#rest + piece).split(/[\r\n]+/);
      this.#rest = (lines.pop() ?? "").slice(-LINE_LENGTH_MAX);
      const line = lines.findLast((text) => text.trim() !== "");
      if (line !== undefined) this.#newest = shortened(line.trim());
    }
  }
}

function shortened(line: string): string {
  return line.length <= LINE_LENGTH_MAX ? line : `${line.slice(0, LINE_LENGTH_MAX - 1)}…`;
}
