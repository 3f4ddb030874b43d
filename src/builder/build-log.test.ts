import { expect, test } from "vitest";
import { BuildLog } from "./build-log.ts";

function makeLog(
  sizeBytesMax: number,
  write?: () => void,
): { log: BuildLog; text: () => string; fullCount: () => number; lostCount: () => number } {
  const chunks: Uint8Array[] = [];
  let full = 0;
  let lost = 0;
  const log = new BuildLog({
    sink: { write: write ?? ((chunk) => void chunks.push(chunk)) },
    sizeBytesMax,
    onFull: () => void full++,
    onLost: () => void lost++,
  });
  return { log, text: () => Buffer.concat(chunks).toString(), fullCount: () => full, lostCount: () => lost };
}

test("output beyond the limit is dropped, reported once, and our own lines still come", () => {
  const { log, text, fullCount } = makeLog(10);

  log.output(Buffer.from("12345678"));
  log.output(Buffer.from("9abcdef"));
  log.output(Buffer.from("ghi"));
  log.line("the end");

  expect(text()).toBe("123456789a\nthe end\n");
  expect(fullCount()).toBe(1);
});

test("a heading starts on a line of its own and cannot be broken by what it holds", () => {
  const { log, text } = makeLog(1_000);

  log.output(Buffer.from("no newline"));
  log.heading("build", new Date("2026-11-22T13:05:13.909Z"));
  log.line("a\nb\r\nc");

  expect(text()).toBe("no newline\n=== mini-buildd: build === 2026-11-22T13:05:13.909Z\na b c\n");
});

test("a sink that cannot write any more is reported once and does no harm", () => {
  const { log, lostCount } = makeLog(1_000, () => {
    throw new Error("ENOSPC");
  });

  log.output(Buffer.from("a"));
  log.line("b");

  expect(lostCount()).toBe(1);
});
