import * as fc from "fast-check";
import { expect, test } from "vitest";
import { logText, safeLength } from "./log-text.ts";

function check(input: string | Uint8Array, expected: string): void {
  expect(logText(Buffer.from(input as string))).toBe(expected);
}

test("plain text stays as it is", () => check("gcc -o x x.c\n\tnext → ok\n", "gcc -o x x.c\n\tnext → ok\n"));
test("colours go", () => check("\u001b[1;31merror:\u001b[0m no", "error: no"));
test("a title change goes with its text", () => check("a\u001b]0;owned\u0007b\u001b]0;owned\u001b\\c", "abc"));
test("a lone escape and backspaces are shown as unknown", () => check("a\u001b\nb\bc\u0000", "a\ufffd\nb\ufffdc\ufffd"));
test("an 8 bit control sequence goes", () => check("a\u009b31mb", "ab"));
test("carriage returns end lines", () => check("10%\r20%\r\nend", "10%\n20%\nend"));
test("invalid UTF-8 is shown as unknown", () => check(Buffer.from([0x61, 0xff, 0xc3, 0x62]), "a\ufffd\ufffdb"));
test("marks that reorder text are shown as unknown", () => check("a\u202eb\u2066", "a\ufffdb\ufffd"));
test("HTML is text", () => check("<script>alert(1)</script>", "<script>alert(1)</script>"));

test("a piece ends before an unfinished character, sequence or line end", () => {
  expect(safeLength(Buffer.from("ok"))).toBe(2);
  expect(safeLength(Buffer.from("ok→").subarray(0, 4))).toBe(2);
  expect(safeLength(Buffer.from("ok→"))).toBe(5);
  expect(safeLength(Buffer.from("ok\u001b[1;3"))).toBe(2);
  expect(safeLength(Buffer.from("ok\u001b[1;31m"))).toBe(9);
  expect(safeLength(Buffer.from("ok\r"))).toBe(2);
  expect(safeLength(Buffer.from([0xe2, 0x61]))).toBe(2);
});

test("cut anywhere, the pieces make the same text as the whole", () => {
  const word = fc.constantFrom(
    "a",
    "→",
    "\u001b[31m",
    "\u001b[0m",
    "\r\n",
    "\r",
    "\n",
    "\u001b]0;t\u0007",
    "\ud83d\ude00",
    "\u009b1m",
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 20 }), fc.array(fc.nat(12), { minLength: 1, maxLength: 20 }), (words, sizes) => {
      const whole = Buffer.from(words.join(""));
      expect(textInPieces(whole, sizes)).toBe(logText(whole));
    }),
  );
});

test("nothing but printable characters, tabs and line ends comes out", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      // oxlint-disable-next-line no-control-regex -- they are the subject
      expect(logText(bytes)).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
    }),
  );
});

/** As the reader does it: what is not safe yet is read again with more. */
function textInPieces(whole: Buffer, sizes: readonly number[]): string {
  let text = "";
  let start = 0;
  let size = 0;
  for (let round = 0; start + size < whole.length; round++) {
    size += 1 + (sizes[round % sizes.length] ?? 0);
    const piece = whole.subarray(start, start + size);
    const length = start + size >= whole.length ? piece.length : safeLength(piece);
    text += logText(piece.subarray(0, length));
    start += length;
    size -= length;
  }
  return text;
}
