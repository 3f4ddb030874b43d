import { expect, test } from "vitest";
import { styledLine } from "./styled-line.ts";

test("colours and bold become names", () => {
  expect(styledLine(Buffer.from("a \x1b[1;31merror:\x1b[0m b \x1b[92mok\x1b[39m."))).toEqual([
    { text: "a ", style: "" },
    { text: "error:", style: "red bold" },
    { text: " b ", style: "" },
    { text: "ok", style: "green" },
    { text: ".", style: "" },
  ]);
});

test("what else a terminal would obey goes, and text stays text", () => {
  expect(styledLine(Buffer.from("\x1b]0;title\x07<b>\x1b[2J\x1b[38;5;31mx\x00é"))).toEqual([
    { text: "<b>", style: "" },
    { text: "x\ufffdé", style: "" },
  ]);
  expect(styledLine(Buffer.from([0xff, 0x41]))).toEqual([{ text: "\ufffdA", style: "" }]);
  expect(styledLine(Buffer.alloc(0))).toEqual([]);
});
