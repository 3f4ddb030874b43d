import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

const ENTRIES_MAX = 10_000;

interface ListedEntry {
  readonly name: string;
  readonly isDirectory: boolean;
}

/** A directory as a plain page of links. Names come from packages: they are escaped, always. */
export async function renderListing(path: string, parts: readonly string[]): Promise<string> {
  const entries = await listEntries(path, parts);
  const title = escapeHtml(`/repositories/${parts.map((part) => `${part}/`).join("")}`);
  const links = entries.map(({ name, isDirectory }) => {
    const slash = isDirectory ? "/" : "";
    // "./" keeps a name with a colon from being read as a scheme.
    return `<li><a href="./${escapeHtml(encodeURIComponent(name))}${slash}">${escapeHtml(name)}${slash}</a></li>`;
  });
  const parent = parts.length === 0 ? [] : ['<li><a href="../">../</a></li>'];
  return [
    "<!doctype html>",
    `<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title></head>`,
    `<body><h1>${title}</h1>`,
    "<ul>",
    ...parent,
    ...links,
    "</ul></body></html>",
    "",
  ].join("\n");
}

async function listEntries(path: string, parts: readonly string[]): Promise<ListedEntry[]> {
  const names = (await readdir(path)).filter((name) => !name.startsWith(".") && !name.endsWith(".tmp"));
  const shown = parts.length === 1 ? names.filter((name) => name === "dists" || name === "pool") : names;
  const entries: ListedEntry[] = [];
  for (const name of shown.sort().slice(0, ENTRIES_MAX)) {
    try {
      entries.push({ name, isDirectory: (await stat(join(path, name))).isDirectory() });
    } catch {
      // Gone since it was listed, or a link that leads nowhere: not worth showing.
    }
  }
  return entries;
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
