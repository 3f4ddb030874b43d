import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const reference = join(root, "docs/reference/errors");

/** Words that look like codes and are none. */
const OTHER_WORDS: readonly string[] =
  "VERSION_CODENAME REPO_URI MINI_BUILDD_ENDPOINT MINI_BUILDD_TOKEN MINI_BUILDD_PROGRAM NODE_EXTRA_CA_CERTS MINI_BUILDD_OPTION SSH_AUTH_SOCK XDG_CONFIG_HOME EAI_AGAIN BACKPORT_MODE AUTO_BACKPORTS".split(
    " ",
  );

const codes = codesInSource();
const rows = rowsInReference();

test("every error code has a row in the reference", () => {
  const missing = [...codes].filter(([code]) => !rows.has(code)).map(([code, path]) => `${code} (${path})`);

  expect(missing).toEqual([]);
});

test("every row of the reference has a code in the program", () => {
  const stale = [...rows].filter(([code]) => !codes.has(code)).map(([code, row]) => `${code} (${row.file})`);

  expect(stale).toEqual([]);
});

test("a code has one row, with a kind, a meaning and what to do", () => {
  const poor = [...rows].filter(([, { count, cells }]) => count !== 1 || cells.length !== 4 || cells.some((cell) => cell === ""));

  expect(poor.map(([code, { file }]) => `${code} (${file})`)).toEqual([]);
});

/** Upper-case words with an underscore in quotes, and what follows `code:`. */
function codesInSource(): Map<string, string> {
  const found = new Map<string, string>();
  for (const path of listFiles(join(root, "src")).filter((path) => /(?<!\.test)\.tsx?$/.test(path))) {
    for (const [, plain, word] of readFileSync(path, "utf8").matchAll(
      /code: "([A-Z][A-Z0-9_]*)"|"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"/g,
    )) {
      const code = plain ?? word ?? "";
      if (!OTHER_WORDS.includes(code) && !code.startsWith("ERR_")) found.set(code, relative(root, path));
    }
  }
  return found;
}

interface Row {
  readonly file: string;
  readonly cells: readonly string[];
  readonly count: number;
}

function rowsInReference(): Map<string, Row> {
  const found = new Map<string, Row>();
  for (const name of readdirSync(reference)) {
    for (const line of readFileSync(join(reference, name), "utf8").split("\n")) {
      const cells = line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim());
      const [, code] = /^`?([A-Z][A-Z0-9_]*)`?$/.exec(cells[0] ?? "") ?? [];
      if (code !== undefined) found.set(code, { file: name, cells, count: (found.get(code)?.count ?? 0) + 1 });
    }
  }
  return found;
}

function listFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
