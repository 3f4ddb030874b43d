import type { BuildStep, StepReport } from "../buildorder/index.ts";
import { type Clock, errorChain } from "../runtime/index.ts";
import type { BuildLog } from "./build-log.ts";
import { BuildEnding, endingOf } from "./ending.ts";

/** What a step is allowed to say when it ended well. */
export interface StepNote {
  readonly outcome: "ok" | "skipped";
  readonly note?: string | undefined;
}

/** Runs the steps of one build: reports start and end, heads its part of the log, and says in it why it failed. */
export class StepRunner {
  readonly #report: (report: StepReport) => Promise<void>;
  readonly #log: BuildLog;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #failedStep: BuildStep | undefined;

  constructor(parts: { report: (report: StepReport) => Promise<void>; log: BuildLog; clock: Clock; signal: AbortSignal }) {
    this.#report = parts.report;
    this.#log = parts.log;
    this.#clock = parts.clock;
    this.#signal = parts.signal;
  }

  /** Set when a step threw. */
  get failedStep(): BuildStep | undefined {
    return this.#failedStep;
  }

  /** Throws BuildEnding only. `describe` makes the note of a step that ended well. */
  async run<T>(
    step: BuildStep,
    work: () => Promise<T>,
    describe: (value: T) => StepNote = () => ({ outcome: "ok" }),
  ): Promise<T> {
    try {
      // Before the heading, so that the step's recorded offset in the log is where its heading begins.
      await this.#report({ step, type: "started", at: this.#clock.now() });
      this.#log.heading(step, this.#clock.now());
      const value = await work();
      const { outcome, note } = describe(value);
      if (note !== undefined) this.#log.line(note);
      await this.#report({ step, type: "ended", outcome, note, at: this.#clock.now() });
      return value;
    } catch (error) {
      // However a cancelled step shows its end, it ended because it was cancelled.
      const ending = this.#signal.aborted ? new BuildEnding("cancelled", "the build was cancelled") : endingOf(error, step);
      throw await this.#failed(step, ending);
    }
  }

  async #failed(step: BuildStep, ending: BuildEnding): Promise<BuildEnding> {
    this.#failedStep = step;
    const outcome = ending.status === "cancelled" ? "environment-failed" : ending.status;
    this.#log.line(`mini-buildd: ${step} ended: ${ending.status}: ${ending.message}`);
    for (const cause of causesOf(ending)) this.#log.line(`mini-buildd: because: ${cause}`);
    // The farm may refuse it because the build was cancelled or its lease lost: the ending says so already.
    await this.#report({ step, type: "ended", outcome, note: ending.message, at: this.#clock.now() }).catch(() => undefined);
    return ending;
  }
}

/** What an environment's failure needs to be understood, below what the ending itself says. */
function causesOf(ending: BuildEnding): string[] {
  return errorChain(ending).filter((message) => message !== ending.message);
}
