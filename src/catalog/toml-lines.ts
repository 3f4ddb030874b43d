/**
 * Where the keys of a TOML text stand, so that a problem found in the parsed value can name its line. Reads only
 * headers and keys of well-formed TOML (the real parser has been before), and gives the nearest parent's line for
 * what it cannot tell apart, such as the members of an array.
 */
export type KeyPath = readonly (string | number)[];

export class TomlLines {
  readonly #lines = new Map<string, number>();

  constructor(text: string) {
    let table: string[] = [];
    const arrayCounts = new Map<string, number>();
    for (const [index, line] of outsideMultilineStrings(text)) {
      const header = /^\s*(\[\[?)\s*([^[\]]+?)\s*\]\]?\s*(#.*)?$/.exec(line);
      if (header !== null) {
        table = withArrayIndexes(splitKey(header[2] ?? ""), header[1] === "[[", arrayCounts);
        this.#note(table, index + 1);
        continue;
      }
      const assignment = /^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*=/.exec(line);
      if (assignment !== null) this.#note([...table, ...splitKey(assignment[1] ?? "")], index + 1);
    }
  }

  /** The line (from 1) of a key, or of the nearest thing around it; 1 when nothing is. */
  lineOf(path: KeyPath): number {
    for (let length = path.length; length > 0; length--) {
      const line = this.#lines.get(pathKey(path.slice(0, length)));
      if (line !== undefined) return line;
    }
    return 1;
  }

  #note(path: readonly string[], line: number): void {
    for (let length = path.length; length > 0; length--) {
      const key = pathKey(path.slice(0, length));
      if (!this.#lines.has(key)) this.#lines.set(key, line);
    }
  }
}

function pathKey(path: KeyPath): string {
  return JSON.stringify(path.map(String));
}

function splitKey(key: string): string[] {
  return [...key.matchAll(/"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+)/g)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}

function withArrayIndexes(path: string[], isArray: boolean, counts: Map<string, number>): string[] {
  if (!isArray) return path;
  const key = pathKey(path);
  const index = counts.get(key) ?? 0;
  counts.set(key, index + 1);
  return [...path, String(index)];
}

/** Lines that do not begin inside a multi-line string, with their index. */
function* outsideMultilineStrings(text: string): Iterable<[number, string]> {
  let openQuote: string | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    const isInside = openQuote !== undefined;
    if (!isInside) yield [index, line];
    for (const [quote] of line.matchAll(/"""|'''/g)) {
      if (openQuote === undefined) openQuote = quote;
      else if (openQuote === quote) openQuote = undefined;
    }
  }
}
