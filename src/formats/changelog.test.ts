import { expect, test } from "vitest";
import { parseChangelog } from "./changelog.ts";

const ENTRY = `hello (2:1.0-2~test12+1) bookworm-test-unstable sid; urgency=Medium, binary-only=yes

  * First.
    Second line.

  [ Somebody ]
  * Second.

 -- A B <a@example.org>  Sun, 22 Nov 2026 14:06:45 +0100
`;

test("an entry has source, version, distributions, options, text and trailer", () => {
  const [entry] = parseChangelog(`\n${ENTRY}`);

  expect(entry).toMatchObject({
    source: "hello",
    version: "2:1.0-2~test12+1",
    distributions: ["bookworm-test-unstable", "sid"],
    urgency: "medium",
    isBinaryOnly: true,
    text: "  * First.\n    Second line.\n\n  [ Somebody ]\n  * Second.",
    maintainer: "A B <a@example.org>",
    dateText: "Sun, 22 Nov 2026 14:06:45 +0100",
    date: new Date("2026-11-22T13:06:45Z"),
  });
});

test("only as many entries are read as wanted, so that old ones in other forms do no harm", () => {
  const changelog = `${ENTRY}\n${ENTRY.replace("1.0-2", "1.0-1")}\nSat Feb 30 1996 Somebody\n\tchanged things\n`;

  expect(parseChangelog(changelog)).toHaveLength(1);
  expect(parseChangelog(changelog, { entriesMax: 2 }).map((entry) => entry.version)).toEqual([
    "2:1.0-2~test12+1",
    "2:1.0-1~test12+1",
  ]);
  expect(() => parseChangelog(changelog, { entriesMax: 3 })).toThrow("line 21");
});

test("a date that is none does not refuse the entry", () => {
  const [entry] = parseChangelog(ENTRY.replace("Nov", "Foo"));

  expect(entry).toMatchObject({ date: undefined, dateText: "Sun, 22 Foo 2026 14:06:45 +0100" });
});

test("broken entries are refused with the line", () => {
  refused("", "there is no entry");
  refused("hello 1.0 unstable; urgency=low\n", "line 1: ");
  refused(ENTRY.replace("  * Second.", "Second."), 'line 7: "Second." is neither');
  refused(ENTRY.split("\n").slice(0, -2).join("\n"), "the last entry has no end");
});

test("a hostile line takes no time", () => {
  const start = performance.now();

  expect(() => parseChangelog(`${ENTRY.split("\n --")[0]}\n -- ${" <>".repeat(100_000)}\n`)).toThrow(
    "neither a change nor the end",
  );

  expect(performance.now() - start).toBeLessThan(1000);
});

function refused(text: string, message: string): void {
  expect(() => parseChangelog(text)).toThrow(expect.objectContaining({ kind: "invalid", code: "CHANGELOG_INVALID" }));
  expect(() => parseChangelog(text)).toThrow(message);
}
