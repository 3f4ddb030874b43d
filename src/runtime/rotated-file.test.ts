import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { linesFromEnd } from "./lines-from-end.ts";
import { RotatedFile } from "./rotated-file.ts";

let directory: string;
let losses: { lost: number; error: unknown }[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "mbd-rotated-"));
  losses = [];
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function make(options: { sizeBytesMax?: number; filesMax?: number; path?: string } = {}): RotatedFile {
  return new RotatedFile({
    path: join(directory, "x.log"),
    sizeBytesMax: 100,
    filesMax: 3,
    onLoss: (lost, error) => void losses.push({ lost, error }),
    ...options,
  });
}

function read(name: string): string {
  return readFileSync(join(directory, name), "utf8");
}

async function collected(file: RotatedFile): Promise<string[]> {
  return gather(linesFromEnd(file.paths));
}

test("no file grows beyond its size, the oldest go, and none that is left has a gap", async () => {
  const file = make();
  file.start();

  for (let number = 0; number < 500; number += 1) {
    file.append(`line ${number}`);
    if (number % 7 === 0) await file.flush();
  }
  await file.flush();

  const names = readdirSync(directory).toSorted();
  expect(names).toEqual(["x.log", "x.log.1", "x.log.2"]);
  for (const name of names) expect(statSync(join(directory, name)).size).toBeLessThanOrEqual(100);
  const lines = await collected(file);
  expect(lines.length).toBeGreaterThan(15);
  expect(lines).toEqual(lines.map((_, index) => `line ${499 - index}`));
  expect(losses).toEqual([]);
});

test("nothing is written before its start, and then all of it", async () => {
  const file = make();
  file.append("early");
  await file.flush();
  expect(readdirSync(directory)).toEqual([]);

  file.start();
  await file.flush();

  expect(read("x.log")).toBe("early\n");
  expect(statSync(join(directory, "x.log")).mode & 0o777).toBe(0o640);
});

test("a line longer than a file may be is whole, in a file of its own", async () => {
  const file = make();
  file.start();

  for (const line of ["a", "b".repeat(300), "c"]) file.append(line);
  await file.flush();

  expect(await collected(file)).toEqual(["c", "b".repeat(300), "a"]);
});

test("what a crash cut off stays a line of its own", async () => {
  appendFileSync(join(directory, "x.log"), "whole\ncut o");
  const file = make();
  file.start();

  file.append("next");
  await file.flush();
  file.append("after");
  await file.flush();

  expect(read("x.log")).toBe("whole\ncut o\nnext\nafter\n");
});

test("the administrator may move the file away at any time", async () => {
  const file = make();
  file.start();
  file.append("one");
  await file.flush();

  renameSync(join(directory, "x.log"), join(directory, "moved"));
  file.append("two");
  await file.flush();

  expect([read("moved"), read("x.log")]).toEqual(["one\n", "two\n"]);
});

test("lines that cannot be written are lost and counted, and it goes on when they can", async () => {
  mkdirSync(join(directory, "x.log"));
  const file = make();
  file.start();

  for (const line of ["a", "b", "c"]) file.append(line);
  await file.flush();
  expect(losses).toEqual([{ lost: 3, error: expect.objectContaining({ code: "EISDIR" }) }]);

  rmSync(join(directory, "x.log"), { recursive: true });
  file.append("d");
  await file.flush();
  expect(read("x.log")).toBe("d\n");
});

test("lines beyond what may wait are lost, not kept in memory", async () => {
  const file = make({ sizeBytesMax: 64 * 1024 ** 2 });
  for (let index = 0; index < 100; index += 1) file.append("x".repeat(100_000));

  file.start();
  await file.flush();

  expect(statSync(join(directory, "x.log")).size).toBeLessThanOrEqual(4 * 1024 ** 2);
  expect(losses[0]?.lost).toBeGreaterThan(50);
});

test("lines come from the end over pieces of any size, in UTF-8, with nothing of empty ones", async () => {
  const lines = Array.from({ length: 3_000 }, (_, index) => `${index} ${"ü€😀".repeat(index % 40)}`);
  appendFileSync(join(directory, "long"), `${lines.join("\n\n")}\n`);
  chmodSync(join(directory, "long"), 0o400);

  const found = await gather(linesFromEnd([join(directory, "missing"), join(directory, "long")]));

  expect(found).toEqual(lines.toReversed());
});

async function gather<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
