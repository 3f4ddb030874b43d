import { expect, test } from "vitest";
import { FileCache } from "./file-cache.ts";

test("a file that is another one by now is not found", () => {
  const cache = new FileCache(100);
  cache.store("/a", { identity: "1", content: Buffer.from("old") });

  expect(cache.find("/a", "1")?.toString()).toBe("old");
  expect(cache.find("/a", "2")).toBeUndefined();
  expect(cache.find("/a", "1")).toBeUndefined();
});

test("the least recently used go when room is needed", () => {
  const cache = new FileCache(20);
  for (const name of ["a", "b"]) cache.store(name, { identity: "1", content: Buffer.alloc(10) });
  cache.find("a", "1");

  cache.store("c", { identity: "1", content: Buffer.alloc(10) });

  expect(cache.find("b", "1")).toBeUndefined();
  expect(cache.find("a", "1")).toBeDefined();
  expect(cache.find("c", "1")).toBeDefined();
});

test("storing a path again replaces it", () => {
  const cache = new FileCache(10);
  for (let round = 0; round < 5; round++) cache.store("a", { identity: `${round}`, content: Buffer.alloc(6) });

  expect(cache.find("a", "4")).toBeDefined();
});
