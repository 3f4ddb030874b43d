import { expect, test } from "vitest";
import { FirstError } from "./first-error.ts";

function firstErrorIn(...chunks: readonly string[]): number | undefined {
  const error = new FirstError();
  error.start();
  for (const chunk of chunks) error.feed(Buffer.from(chunk));
  return error.line;
}

test.each([
  "a.c:3:1: error: expected ';'",
  "/usr/bin/ld: a.c:(.text+0x5): undefined reference to `frob'",
  "error[E0425]: cannot find value `x`",
  "make[1]: *** [Makefile:3: all] Error 2",
  "FAILED tests/test_x.py::test_y",
  "not ok 3 - works",
  "Traceback (most recent call last):",
  "sh: 1: frobnicate: not found",
  "dh_install: error: missing files, aborting",
  "CMake Error at CMakeLists.txt:3 (find_package):",
])("%j looks like an error", (line) => {
  expect(firstErrorIn(`gcc -c a.c\n${line}\nlater: error: x\n`)).toBe(2);
});

test.each([
  "checking for error_at_line... yes",
  "gcc -Werror=format-security -c errors.c",
  "0 errors, 12 warnings",
  "cc -o error error.o",
  "ok 3 - handles errors",
  'test -x frob || { echo "error: frob is missing"; exit 1; }',
])("%j does not", (line) => {
  expect(firstErrorIn(`${line}\n`)).toBeUndefined();
});

test("lines are counted over pieces cut anywhere, and only looked at when asked to", () => {
  const error = new FirstError();
  error.feed(Buffer.from("E: before\none\ntw"));
  error.start();
  error.feed(Buffer.from("o\na.c:1: err"));
  error.feed(Buffer.from("or: x\nb.c:1: error: y\n"));

  expect(error.line).toBe(4);
});

test("what stands around it is kept, bounded", () => {
  const error = new FirstError();
  error.feed(Buffer.from("before the step\n"));
  error.start();
  error.feed(Buffer.from(`one\ntwo\nthree\na.c:1: error: \xc3\xa4${"x".repeat(5_000)}\n`, "latin1"));
  for (let count = 0; count < 100; count += 1) error.feed(Buffer.from(`after ${count}\n`));

  const { firstLine, lines } = error.excerpt ?? { firstLine: 0, lines: [] };
  expect(firstLine).toBe(3);
  expect(lines.map((line) => line.slice(0, 16))).toEqual([
    "two",
    "three",
    "a.c:1: error: äx",
    ...["0", "1", "2", "3", "4"].map((count) => `after ${count}`),
  ]);
  expect(lines[2]?.length).toBeLessThanOrEqual(300);
});

test("a line without end costs no memory", () => {
  const error = new FirstError();
  error.start();
  for (let count = 0; count < 1_000; count += 1) error.feed(Buffer.alloc(100_000, "x"));
  error.feed(Buffer.from("\nx: error: y\n"));

  expect(error.line).toBe(2);
});
