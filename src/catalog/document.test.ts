import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { tableKeys } from "./document.ts";

const reference = readFileSync(resolve(import.meta.dirname, "../../docs/reference/catalog.md"), "utf8");

test.each(Object.entries(tableKeys).filter(([table]) => table !== ""))(
  "the reference describes exactly the keys of %s",
  (table, keys) => {
    const section =
      reference.split(/^##+ /m).find((text) => text.startsWith(table) || text.startsWith(`layouts.NAME.${table}`)) ?? "";
    const described = [...section.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, key]) => key);

    expect(described).toEqual(keys);
  },
);

test("the reference has a section for each table", () => {
  const titles = [...reference.matchAll(/^## ([a-z-]+)/gm)].map(([, title]) => title);

  expect(new Set(titles)).toEqual(new Set(tableKeys[""]));
});
