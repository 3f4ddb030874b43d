import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type FtpLine, FtpLineReader } from "./lines.ts";

const LINE_BYTES_MAX = 4096;

function read(...chunks: Uint8Array[]): FtpLine[] {
  const reader = new FtpLineReader();
  return chunks.flatMap((chunk) => reader.push(chunk));
}

function texts(input: string): (string | undefined)[] {
  return read(Buffer.from(input, "latin1")).map((line) => (line.type === "line" ? line.text : undefined));
}

test("lines end with CR LF, or with LF alone", () => {
  expect(texts("USER anonymous\r\nPASS x\nQUI")).toEqual(["USER anonymous", "PASS x"]);
});

test("telnet's interrupt and synch before ABOR are dropped", () => {
  expect(texts("\xff\xf4\xff\xf2ABOR\r\n")).toEqual(["ABOR"]);
});

test("telnet options with their byte are dropped, and a doubled IAC is a byte", () => {
  expect(texts("\xff\xfb\x01NOOP\r\n")).toEqual(["NOOP"]);
  expect(read(Buffer.from("STOR \xff\xff\r\n", "latin1"))).toEqual([{ type: "not-text" }]);
});

test("a line that is too long is reported once, and the next one is read", () => {
  const lines = read(Buffer.from(`STOR ${"a".repeat(100_000)}\r\nNOOP\r\n`));

  expect(lines).toEqual([{ type: "too-long" }, { type: "line", text: "NOOP" }]);
});

test("however the bytes are cut into chunks, the lines are the same, and bounded", () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 8 }), (chunks) => {
      const whole = read(Buffer.concat(chunks));

      expect(read(...chunks)).toEqual(whole);
      for (const line of whole) if (line.type === "line") expect(line.text.length).toBeLessThanOrEqual(LINE_BYTES_MAX);
    }),
  );
});
