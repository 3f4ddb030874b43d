import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { documentation } from "../src/cli/index.ts";
import { openApiDocument } from "../src/http/openapi.ts";

const directory = join(import.meta.dirname, "golden");
const isUpdating = process.env["UPDATE_GOLDEN"] === "1";
const { manPages, helpTexts } = documentation("VERSION");

const texts = new Map<string, string>([
  ...manPages.map(({ fileName, roff }): [string, string] => [`man/${fileName}`, roff]),
  ...helpTexts.map(({ words, text }): [string, string] => [`help/${(words || "mini-buildd").replaceAll(" ", "-")}.txt`, text]),
  ["openapi.json", `${JSON.stringify(openApiDocument("VERSION"), undefined, 2)}\n`],
]);

// What users read is reviewed as code is: after a change that is wanted, `make golden`, and look at the difference.
test.each([...texts])("%s is as in test/golden", (name, text) => {
  const path = join(directory, name);
  if (isUpdating) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  const golden = existsSync(path) ? readFileSync(path, "utf8") : "";
  expect(golden, "after a wanted change: make golden").toBe(text);
});

test("nothing is in test/golden that is not made any more", () => {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));

  expect(files.filter((name) => !texts.has(name))).toEqual([]);
});
