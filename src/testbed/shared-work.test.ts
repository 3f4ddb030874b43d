import { expect, test } from "vitest";
import { SharedWork } from "./shared-work.ts";

function pending(): { promise: Promise<string>; resolve: (value: string) => void } {
  const { promise, resolve } = Promise.withResolvers<string>();
  return { promise, resolve };
}

test("callers of one key share one work, others do not", async () => {
  const shared = new SharedWork<string>();
  const work = pending();
  let starts = 0;
  const start = (): Promise<string> => {
    starts += 1;
    return work.promise;
  };

  const calls = [shared.join("a", undefined, start), shared.join("a", undefined, start), shared.join("b", undefined, start)];
  work.resolve("done");

  expect(await Promise.all(calls)).toEqual(["done", "done", "done"]);
  expect(starts).toBe(2);
  await shared.join("a", undefined, start);
  expect(starts).toBe(3);
});

test("work is aborted only when every caller has given up", async () => {
  const shared = new SharedWork<string>();
  const work = pending();
  const [first, second] = [new AbortController(), new AbortController()];
  let workSignal: AbortSignal | undefined;
  const start = (signal: AbortSignal): Promise<string> => {
    workSignal = signal;
    return work.promise;
  };
  const calls = [first, second].map((controller) => shared.join("a", controller.signal, start));

  first.abort(new Error("first"));
  await expect(calls[0]).rejects.toThrow("first");
  expect(workSignal?.aborted).toBe(false);

  second.abort(new Error("second"));
  await expect(calls[1]).rejects.toThrow("second");
  expect(workSignal?.aborted).toBe(true);
});

test("an error reaches every caller, and the next one starts anew", async () => {
  const shared = new SharedWork<string>();
  const fail = (): Promise<string> => Promise.reject(new Error("no"));

  const calls = [shared.join("a", undefined, fail), shared.join("a", undefined, fail)];
  for (const call of calls) await expect(call).rejects.toThrow("no");

  expect(await shared.join("a", undefined, () => Promise.resolve("yes"))).toBe("yes");
});
