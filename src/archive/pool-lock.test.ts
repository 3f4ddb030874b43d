import { expect, test } from "vitest";
import { PoolLock } from "./pool-lock.ts";

test("who is alone waits for all that share, and those who come later wait for them", async () => {
  const lock = new PoolLock();
  const story: string[] = [];
  const first = Promise.withResolvers<void>();
  const alone = Promise.withResolvers<void>();

  const sharing = lock.shared(async () => {
    await first.promise;
    story.push("shared");
  });
  const cleaning = lock.exclusive(async () => {
    story.push("alone");
    await alone.promise;
    story.push("done");
  });
  const later = lock.shared(async () => void story.push("later"));
  first.resolve();
  await sharing;
  alone.resolve();
  await Promise.all([cleaning, later]);

  expect(story).toEqual(["shared", "alone", "done", "later"]);
});

test("a failure keeps nobody waiting", async () => {
  const lock = new PoolLock();

  await expect(lock.shared(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  await expect(lock.exclusive(() => Promise.reject(new Error("no")))).rejects.toThrow("no");

  expect(await lock.shared(async () => "yes")).toBe("yes");
});
