import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The fields that decide what can be installed. */
const FIELDS = [
  "Package",
  "Version",
  "Architecture",
  "Multi-Arch",
  "Essential",
  "Provides",
  "Pre-Depends",
  "Depends",
  "Conflicts",
  "Breaks",
];
const WANTED_LINE = new RegExp(`^(?:${FIELDS.join("|")}): `);

/** Only those fields of each stanza: a quarter of the text. Folded lines of them are kept. */
export function stripStanzas(packages: string): string {
  const kept: string[] = [];
  let isWanted = false;
  for (const line of packages.split("\n")) {
    if (line === "") {
      isWanted = false;
      if (kept.at(-1) !== "") kept.push("");
      continue;
    }
    const isFolded = line.startsWith(" ") || line.startsWith("\t");
    isWanted = isFolded ? isWanted : WANTED_LINE.test(line);
    if (isWanted) kept.push(line);
  }
  return `${kept.join("\n").trim()}\n\n`;
}

/** Stanzas of large lists, found by package name or by what they provide. */
export class RelationIndex {
  readonly #stanzas: string[] = [];
  readonly #byName = new Map<string, number[]>();
  readonly #essential: number[] = [];

  /** A stripped list. */
  add(text: string): void {
    for (const stanza of text.split("\n\n")) {
      const name = /^Package: (\S+)/m.exec(stanza)?.[1];
      if (name === undefined) continue;
      const id = this.#stanzas.push(stanza) - 1;
      for (const known of [name, ...namesOf(/^Provides: (.*)$/m.exec(stanza)?.[1] ?? "")]) this.#note(known, id);
      if (/^Essential: yes/m.test(stanza)) this.#essential.push(id);
    }
  }

  /**
   * Every stanza that can have to do with installing these packages: what they depend on, what can stand in for it, on
   * and on, and what is always installed. The rest of the list cannot change the answer.
   */
  cone(relations: Iterable<string>): string[] {
    const chosen = new Set<number>();
    const names = new Set<string>();
    const waiting = [...relations, ...this.#choose(this.#essential, chosen)];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      for (const name of namesOf(next)) {
        if (names.has(name)) continue;
        names.add(name);
        waiting.push(...this.#choose(this.#byName.get(name) ?? [], chosen));
      }
    }
    return [...chosen].map((id) => this.#stanzas[id] ?? "");
  }

  /** Returns what those need that were not chosen before. */
  #choose(ids: readonly number[], chosen: Set<number>): string[] {
    const fresh = ids.filter((id) => !chosen.has(id));
    for (const id of fresh) chosen.add(id);
    return fresh.map((id) => dependsOf(this.#stanzas[id] ?? ""));
  }

  #note(name: string, id: number): void {
    const ids = this.#byName.get(name);
    if (ids === undefined) this.#byName.set(name, [id]);
    else ids.push(id);
  }
}

/** What a stanza needs, as one list of relations. */
export function dependsOf(stanza: string): string {
  const unfolded = stanza.replaceAll(/\n[ \t]+/g, " ");
  return [...unfolded.matchAll(/^(?:Pre-)?Depends: (.*)$/gm)].map(([, value]) => value).join(", ");
}

/** Names in a list of relations, whatever their constraints. */
export function namesOf(relations: string): string[] {
  return relations
    .split(/[,|]/)
    .map((relation) => /^\s*([A-Za-z0-9][A-Za-z0-9+.-]*)/.exec(relation)?.[1] ?? "")
    .filter((name) => name !== "");
}

/**
 * The stripped text of a list, which is kept until the list changes: to strip a release takes a second. The cache may
 * vanish at any time.
 */
export async function readStripped(path: string, cachePath: string): Promise<string> {
  const { mtimeMs, size } = await stat(path);
  const listName = createHash("sha256").update(path).digest("hex").slice(0, 16);
  const name = `${listName}-${Math.floor(mtimeMs)}-${size}`;
  const directory = join(cachePath, "relations");
  const kept = await readFile(join(directory, name), "utf8").catch(() => undefined);
  if (kept !== undefined) return kept;

  const stripped = stripStanzas(await readFile(path, "utf8"));
  await mkdir(directory, { recursive: true });
  for (const old of await readdir(directory)) if (old.startsWith(`${listName}-`)) await rm(join(directory, old), { force: true });
  await writeFile(join(directory, `.${name}`), stripped);
  await rename(join(directory, `.${name}`), join(directory, name));
  return stripped;
}
