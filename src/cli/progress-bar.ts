import { monotonicMs } from "../runtime/index.ts";
import type { CommandContext } from "./command-context.ts";

const WIDTH = 30;
const REDRAW_MS = 100;
const ERASE_LINE = "\r\u001b[K";

/** One line on a terminal that shows how far something is. Says nothing where nobody looks. */
export class ProgressBar {
  readonly #ctx: CommandContext;
  readonly #label: string;
  #drawnMs = Number.NEGATIVE_INFINITY;
  #isShown = false;

  constructor(ctx: CommandContext, label: string) {
    this.#ctx = ctx;
    this.#label = label;
  }

  show(done: number, total: number, note: string): void {
    const isDone = done >= total;
    if (!this.#ctx.isInteractive || (!isDone && monotonicMs() - this.#drawnMs < REDRAW_MS)) return;
    this.#drawnMs = monotonicMs();
    this.#isShown = true;
    this.#ctx.note(`${ERASE_LINE}${this.#label} ${formatBar(done, total)} ${note}`);
  }

  /** Leave the line as if it had never been there. */
  end(): void {
    if (this.#isShown) this.#ctx.note(ERASE_LINE);
    this.#isShown = false;
  }
}

export function formatBar(done: number, total: number): string {
  const share = total <= 0 ? 1 : Math.min(1, Math.max(0, done / total));
  const filled = Math.floor(share * WIDTH);
  return `[${"#".repeat(filled)}${".".repeat(WIDTH - filled)}] ${String(Math.floor(share * 100)).padStart(3)} %`;
}
