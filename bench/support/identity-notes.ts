import { appendFile, readFile } from "node:fs/promises";

/** What came out of comparing one package of one release. */
export interface IdentityNote {
  readonly codename: string;
  readonly name: string;
  readonly version: string;
  /** The release that the source is of: another one where the mirror lacks the release's own. */
  readonly sourceCodename: string;
  /** Names of what differs from what plain sbuild built. */
  readonly differing: readonly string[];
  /** Those of them that differ between two builds by plain sbuild as well. */
  readonly unstable: readonly string[];
}

/** A file of one JSON object a line, so that a bench of an hour goes on where it was interrupted. */
export class IdentityNotes {
  readonly #path: string | undefined;
  readonly #notes: IdentityNote[];

  private constructor(path: string | undefined, notes: IdentityNote[]) {
    this.#path = path;
    this.#notes = notes;
  }

  /** Without a path, they are kept nowhere. */
  static async open(path: string | undefined): Promise<IdentityNotes> {
    if (path === undefined) return new IdentityNotes(path, []);
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    // A line that was cut short by the interruption has no end.
    const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
    return new IdentityNotes(
      path,
      lines.filter((line) => line !== "").map((line) => JSON.parse(line) as IdentityNote),
    );
  }

  find(codename: string, name: string): IdentityNote | undefined {
    return this.#notes.find((note) => note.codename === codename && note.name === name);
  }

  async add(note: IdentityNote): Promise<void> {
    this.#notes.push(note);
    if (this.#path !== undefined) await appendFile(this.#path, `${JSON.stringify(note)}\n`);
  }
}
