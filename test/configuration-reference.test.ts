import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { defaultLimits, fixedLimits } from "../src/runtime/index.ts";

const root = resolve(import.meta.dirname, "..");
const reference = readFileSync(resolve(root, "docs/reference/configuration.md"), "utf8");
const schema = readFileSync(resolve(root, "src/daemon/config.ts"), "utf8");

test("the reference names every limit that can be set with its value, and no other", () => {
  const section = reference.slice(reference.indexOf("## limits"));
  const rows = [...section.matchAll(/^\| `(\w+)` \| ([\d.]+) \| .+ \|$/gm)].map(([, name, value]) => [name, Number(value)]);

  const settable = Object.entries(defaultLimits).filter(([name]) => !fixedLimits.includes(name as keyof typeof defaultLimits));
  expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(settable));
});

test("the reference names every option", () => {
  const options = [...schema.matchAll(/^ +(\w+): z\b/gm), ...schema.matchAll(/^ +(\w+): z$/gm)].map(([, name]) => name);
  const tables = ["log", "http", "ftp", "sftp", "tls", "database", "builder", "accounts", "mail", "ports", "mirrors"];

  expect(options).toContain("parallel");
  const missing = options.filter((option = "") =>
    tables.includes(option) ? !reference.includes(`\n## ${option}\n`) : !reference.includes(`\n| \`${option}\` |`),
  );
  expect(missing).toEqual([]);
});
