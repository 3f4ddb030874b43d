import { AppError } from "../runtime/index.ts";
import type { KeyPath, TomlLines } from "./toml-lines.ts";

/** One thing wrong with a catalog, for the person who edits the file. */
export interface CatalogProblem {
  /** From 1. */
  readonly line: number;
  /** `repositories.test.codenames` */
  readonly key: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** Gathers everything that is wrong, so that it can be said at once. */
export class CatalogProblems {
  readonly #lines: TomlLines;
  readonly #problems: CatalogProblem[] = [];

  constructor(lines: TomlLines) {
    this.#lines = lines;
  }

  add(path: KeyPath, message: string, hint?: string): void {
    this.#problems.push({ line: this.#lines.lineOf(path), key: path.join("."), message, hint });
  }

  /** Throws CATALOG_INVALID with every problem, in the order of the file. */
  throwIfAny(): void {
    if (this.#problems.length > 0) throw catalogInvalid(this.#problems);
  }
}

export function catalogInvalid(problems: readonly CatalogProblem[]): AppError {
  const inOrder = problems.toSorted((left, right) => left.line - right.line);
  const count = inOrder.length === 1 ? "1 problem" : `${inOrder.length} problems`;
  return new AppError({
    kind: "invalid",
    code: "CATALOG_INVALID",
    message: `the catalog has ${count}:\n${inOrder.map(formatProblem).join("\n")}`,
    hint: "Correct the lines named above; docs/reference/catalog.md describes every key",
    facts: { problems: inOrder },
  });
}

function formatProblem(problem: CatalogProblem): string {
  const where = problem.key === "" ? `line ${problem.line}` : `line ${problem.line}, ${problem.key}`;
  return problem.hint === undefined ? `  ${where}: ${problem.message}` : `  ${where}: ${problem.message} (${problem.hint})`;
}
