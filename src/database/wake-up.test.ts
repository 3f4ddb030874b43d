import { expect, test } from "vitest";
import { WakeUp } from "./wake-up.ts";

/** Whether a wait has ended once everything that was about to happen has happened. */
async function hasEnded(wait: Promise<void>): Promise<boolean> {
  let ended = false;
  void wait.then(() => {
    ended = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return ended;
}

const never = new AbortController().signal;

test("a call between looking and waiting is not missed", async () => {
  using wakeUp = new WakeUp({ pollIntervalMs: undefined, signal: never });

  wakeUp.reset();
  wakeUp.wake();

  expect(await hasEnded(wakeUp.wait())).toBe(true);
});

test("a call from before the last look does not end the wait; the next one does", async () => {
  using wakeUp = new WakeUp({ pollIntervalMs: undefined, signal: never });

  wakeUp.wake();
  wakeUp.reset();
  const wait = wakeUp.wait();

  expect(await hasEnded(wait)).toBe(false);
  wakeUp.wake();
  expect(await hasEnded(wait)).toBe(true);
});

test("aborting ends a wait under way and all later ones", async () => {
  const abort = new AbortController();
  using wakeUp = new WakeUp({ pollIntervalMs: undefined, signal: abort.signal });

  const wait = wakeUp.wait();
  abort.abort();

  expect(await hasEnded(wait)).toBe(true);
  wakeUp.reset();
  expect(await hasEnded(wakeUp.wait())).toBe(true);
});

test("with a poll interval the wait ends by itself", async () => {
  using wakeUp = new WakeUp({ pollIntervalMs: 1, signal: never });

  await expect(wakeUp.wait()).resolves.toBeUndefined();
});
