import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ChunkedIndex, chunkBytes, type EntryEdit, type EntryFormat, type EntryKey } from "./chunked-index.ts";

const LINES: EntryFormat = { split: (text) => text.split(/(?<=\n)/), keyOf: (line) => line.slice(0, line.indexOf(" ")) };
const NUMBERED: EntryFormat = { split: (text) => text.split(/(?<=\n)/) };

function textOf(index: ChunkedIndex): string {
  return index.chunks.map((chunk) => chunkBytes(chunk).toString()).join("");
}

function editsOf(entries: ReadonlyMap<EntryKey, string | undefined>): Map<EntryKey, EntryEdit> {
  return new Map([...entries].map(([key, text]) => [key, () => text]));
}

/** Large enough that a few of them make a chunk. */
function lineOf(key: EntryKey, size: number): string {
  return `${key} ${"x".repeat(size)}\n`;
}

const step = fc.array(fc.record({ key: fc.nat(60), size: fc.constantFrom(0, 1, 10_000, 70_000) }), {
  minLength: 1,
  maxLength: 12,
});
const history = fc.array(step, { minLength: 1, maxLength: 12 });

test.each([
  ["numbers kept beside the chunk", NUMBERED, (key: number): EntryKey => key],
  ["keys that the entries say", LINES, (key: number): EntryKey => `k${String(key).padStart(3, "0")}`],
] as const)("any history of edits, with %s, gives the text and the chunks of its last state", (_, format, keyOf) => {
  fc.assert(
    fc.property(history, (steps) => {
      const index = new ChunkedIndex(format);
      const present = new Map<EntryKey, string>();
      for (const edits of steps) {
        // Size 0: the entry goes.
        const changes = new Map(edits.map(({ key, size }) => [keyOf(key), size === 0 ? undefined : lineOf(keyOf(key), size)]));
        index.apply(editsOf(changes));
        for (const [key, text] of changes) {
          if (text === undefined) present.delete(key);
          else present.set(key, text);
        }
      }

      const ordered = [...present.keys()].sort((a, b) => (a < b ? -1 : 1));
      expect(textOf(index)).toBe(ordered.map((key) => present.get(key)).join(""));
      const fresh = new ChunkedIndex(format);
      fresh.apply(editsOf(present));
      expect(index.chunks.map(({ digest }) => digest)).toEqual(fresh.chunks.map(({ digest }) => digest));
    }),
    { numRuns: 200 },
  );
});

test("an edit replaces only the chunks around it", () => {
  const index = new ChunkedIndex(LINES);
  const keys = Array.from({ length: 20_000 }, (_, number) => `key${String(number).padStart(6, "0")}`);
  index.apply(editsOf(new Map(keys.map((key) => [key, lineOf(key, 100)]))));
  const before = index.chunks;
  expect(before.length).toBeGreaterThan(15);

  index.apply(editsOf(new Map([["key010000", undefined]])));

  const changed = index.chunks.filter((chunk) => !before.includes(chunk));
  expect(changed.length).toBeLessThanOrEqual(5);
  expect(before.length - index.chunks.length).toBeLessThanOrEqual(5);
});

test("an edit that changes nothing keeps every chunk", () => {
  const index = new ChunkedIndex(LINES);
  index.apply(
    editsOf(
      new Map([
        ["a", "a 1\n"],
        ["b", "b 2\n"],
      ]),
    ),
  );
  const before = index.chunks;

  index.apply(
    new Map<EntryKey, EntryEdit>([
      ["a", (text) => text],
      ["c", () => undefined],
    ]),
  );

  expect(index.chunks.every((chunk, at) => chunk === before[at])).toBe(true);
});
