import { parse as parseToml, TomlError } from "smol-toml";
import type { z } from "zod";
import { checkReferences } from "./check.ts";
import { type CatalogDocument, catalogDocument, tableKeys } from "./document.ts";
import { CatalogProblems, catalogInvalid } from "./problems.ts";
import { suggestion, suggestWord } from "./suggest.ts";
import { type KeyPath, TomlLines } from "./toml-lines.ts";

/** A catalog file is written by hand: far below this. */
const CATALOG_SIZE_BYTES_MAX = 1024 ** 2;

/** Read etc/catalog.toml's text. Throws CATALOG_INVALID with all problems at once, each with its line. */
export function parseCatalog(text: string): CatalogDocument {
  const value = parseSyntax(text);
  const problems = new CatalogProblems(new TomlLines(text));

  const parsed = catalogDocument.safeParse(value);
  for (const issue of parsed.error?.issues ?? []) addIssue(problems, issue, value);
  problems.throwIfAny();

  const document = parsed.data as CatalogDocument;
  checkReferences(document, problems);
  problems.throwIfAny();
  return document;
}

function parseSyntax(text: string): unknown {
  if (Buffer.byteLength(text) > CATALOG_SIZE_BYTES_MAX) {
    throw catalogInvalid([{ line: 1, key: "", message: `the file is larger than ${CATALOG_SIZE_BYTES_MAX} bytes` }]);
  }
  try {
    return parseToml(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [message = "not TOML"] = error.message.replace(/^Invalid TOML document: /, "").split("\n");
    throw catalogInvalid([{ line: error.line, key: "", message: `not valid TOML: ${message}` }]);
  }
}

function addIssue(problems: CatalogProblems, issue: z.core.$ZodIssue, document: unknown): void {
  const path = issue.path.filter((key) => typeof key !== "symbol");
  switch (issue.code) {
    case "unrecognized_keys":
      for (const key of issue.keys) problems.add([...path, key], "unknown key", suggestion(key, keysAt(path)));
      return;
    case "invalid_key":
      problems.add(path, issue.issues[0]?.message ?? "not a valid name");
      return;
    case "invalid_value": {
      const typed = String(valueAt(document, path));
      const known = issue.values.map(String);
      const nearest = suggestWord(typed, known);
      const hint = nearest === undefined ? undefined : `did you mean "${nearest}"?`;
      problems.add(path, `"${typed}" is not one of ${known.map((word) => `"${word}"`).join(", ")}`, hint);
      return;
    }
    default:
      problems.add(path, valueAt(document, path) === undefined ? "is missing" : issue.message);
  }
}

/** The keys that the table at this path may have. */
function keysAt(path: KeyPath): readonly string[] {
  const [kind, , inner] = path;
  if (path.length === 0) return tableKeys[""];
  if (inner === "suites") return tableKeys.suites;
  return tableKeys[kind as keyof typeof tableKeys] ?? [];
}

function valueAt(value: unknown, path: KeyPath): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== "object" || current === null) return undefined;
    current = (current as Record<string | number, unknown>)[key];
  }
  return current;
}
