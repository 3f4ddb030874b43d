import { setTimeout as delay } from "node:timers/promises";
import { InvalidArgumentError } from "commander";
import type { CommandContext } from "./command-context.ts";

export const DEFAULT_WATCH_SECONDS = 5;
const SECONDS_MAX = 86_400;

/** What `--watch` was given. Throws InvalidArgumentError. */
export function parseWatchSeconds(text: string): number {
  const seconds = Number(text);
  if (Number.isFinite(seconds) && seconds >= 0.1 && seconds <= SECONDS_MAX) return seconds;
  throw new InvalidArgumentError("a number of seconds, at least 0.1.");
}

const CLEAR_SCREEN = "\u001b[H\u001b[2J";

/** Print a text again and again until interrupted; on a terminal, in place of the one before. */
export async function watch(ctx: CommandContext, seconds: number, read: () => Promise<string>): Promise<void> {
  while (!ctx.signal.aborted) {
    const text = await read();
    ctx.print(ctx.isInteractive ? `${CLEAR_SCREEN}${text}` : text);
    await delay(seconds * 1000, undefined, { signal: ctx.signal }).catch(() => {
      // Interrupted: the loop ends.
    });
  }
}
