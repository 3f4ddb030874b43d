import type { EntryEdit, EntryKey } from "./chunked-index.ts";
import { parsePathList } from "./contents-lists.ts";
import type { DistributionSettings } from "./distribution-settings.ts";
import type { BinaryRow, DistributionChanges } from "./index-changes.ts";

/** Index → key of an entry → what becomes of it. */
export type IndexEdits = ReadonlyMap<string, ReadonlyMap<EntryKey, EntryEdit>>;

/** What changes in each index when packages came and went. Indexes by path: "main/binary-amd64/Packages". */
export function editIndexes(settings: DistributionSettings, changes: DistributionChanges): IndexEdits {
  const collector = new EditCollector();
  for (const { component, sequence, stanza, isThere, wasThere } of changes.sources) {
    if (isThere !== wasThere) collector.put(`${component}/source/Sources`, sequence, isThere ? `${stanza}\n` : undefined);
  }
  const isServed = ({ component }: BinaryRow): boolean => settings.components.includes(component);
  for (const rows of groupByName(changes.binaries.filter(isServed)).values()) {
    for (const row of rows) editPackages(collector, settings, row);
    editTranslations(collector, rows);
    editContents(collector, settings, rows);
  }
  return collector.edits();
}

function groupByName(rows: readonly BinaryRow[]): Map<string, BinaryRow[]> {
  const groups = new Map<string, BinaryRow[]>();
  for (const row of rows) {
    const group = groups.get(row.name);
    if (group === undefined) groups.set(row.name, [row]);
    else group.push(row);
  }
  return groups;
}

function editPackages(collector: EditCollector, settings: DistributionSettings, row: BinaryRow): void {
  if (row.isThere === row.wasThere) return;

  const prefix = row.kind === "udeb" ? `${row.component}/debian-installer` : row.component;
  for (const architecture of architecturesOf(settings, row)) {
    const text = row.isThere ? `${row.stanza}\n` : undefined;
    collector.put(`${prefix}/binary-${architecture}/Packages`, row.sequence, text);
  }
}

/** One entry for each description of a name, whatever versions and architectures have it. */
function editTranslations(collector: EditCollector, rows: readonly BinaryRow[]): void {
  const index = (row: BinaryRow): string => `${row.component}/i18n/Translation-en`;
  const described = rows.filter(({ translation }) => translation !== "");
  const changes = presenceChanges(described, {
    thingsOf: (row) => [row],
    keyOf: (row) => `${index(row)} ${row.translation}`,
  });
  for (const [row, isThere] of changes) {
    collector.put(index(row), translationKey(row.translation), isThere ? `${row.translation}\n` : undefined);
  }
}

/** "hello 6b3f…": the first two fields. */
export function translationKey(entry: string): string {
  const [, name = "", digest = ""] = /^Package: (.*)\nDescription-md5: (.*)\n/.exec(entry) ?? [];
  return `${name} ${digest}`;
}

interface Location {
  readonly index: string;
  readonly path: string;
  /** "devel/hello" */
  readonly name: string;
}

/** Versions of a package that have a file in common have one entry for it. */
function editContents(collector: EditCollector, settings: DistributionSettings, rows: readonly BinaryRow[]): void {
  const changes = presenceChanges(rows, {
    thingsOf: (row) => locationsOf(settings, row),
    keyOf: ({ index, path, name }) => `${index} ${name} ${path}`,
  });
  for (const [{ index, path, name }, isThere] of changes) collector.move(index, path, name, isThere);
}

/** Each of them once. */
function locationsOf(settings: DistributionSettings, row: BinaryRow): Location[] {
  const paths = row.paths === null ? [] : parsePathList(row.paths);
  const name = `${isPlain(row.section) ? row.section : "misc"}/${row.name}`;
  const infix = row.kind === "udeb" ? "udeb-" : "";
  const indexes = architecturesOf(settings, row).map((architecture) => `${row.component}/Contents-${infix}${architecture}`);
  return indexes.flatMap((index) => paths.map((path) => ({ index, path, name })));
}

/** Blanks and commas would end it. */
function isPlain(section: string): boolean {
  return /^[\w+./-]+$/.test(section);
}

/** arch:all is in the index of each architecture. */
function architecturesOf(settings: DistributionSettings, { architecture }: BinaryRow): readonly string[] {
  return architecture === "all" ? settings.architectures : settings.architectures.filter((name) => name === architecture);
}

interface Things<Thing> {
  /** Each of them once. */
  readonly thingsOf: (row: BinaryRow) => readonly Thing[];
  /** What is the same in two rows has the same key. */
  readonly keyOf: (thing: Thing) => string;
}

/** Of what rows have, maybe in common: what came, and what went. */
function* presenceChanges<Thing>(
  rows: readonly BinaryRow[],
  { thingsOf, keyOf }: Things<Thing>,
): Generator<readonly [thing: Thing, isThere: boolean]> {
  const [only] = rows;
  if (only !== undefined && rows.length === 1) {
    // As nearly all are in an import.
    if (only.wasThere !== only.isThere) for (const thing of thingsOf(only)) yield [thing, only.isThere];
    return;
  }

  const found = new Map<string, { thing: Thing; wasThere: boolean; isThere: boolean }>();
  for (const row of rows) {
    for (const thing of thingsOf(row)) {
      const key = keyOf(thing);
      const earlier = found.get(key);
      const wasThere = row.wasThere || earlier?.wasThere === true;
      const isThere = row.isThere || earlier?.isThere === true;
      found.set(key, { thing: earlier?.thing ?? thing, wasThere, isThere });
    }
  }
  for (const { thing, wasThere, isThere } of found.values()) if (wasThere !== isThere) yield [thing, isThere];
}

class EditCollector {
  readonly #edits = new Map<string, Map<EntryKey, EntryEdit>>();

  /** The entry's text, or undefined when it goes. */
  put(index: string, key: EntryKey, text: string | undefined): void {
    this.#of(index).set(key, () => text);
  }

  /** A location of a path in Contents comes or goes. */
  move(index: string, path: string, location: string, isThere: boolean): void {
    const edits = this.#of(index);
    const earlier = edits.get(path);
    const edit: EntryEdit = (text) => moveLocation(path, text, location, isThere);
    edits.set(path, earlier === undefined ? edit : (text) => edit(earlier(text)));
  }

  edits(): IndexEdits {
    return this.#edits;
  }

  #of(index: string): Map<EntryKey, EntryEdit> {
    const edits = this.#edits.get(index) ?? new Map<EntryKey, EntryEdit>();
    this.#edits.set(index, edits);
    return edits;
  }
}

/** "usr/bin/hello devel/hello,oldlibs/hello-traditional": paths may have blanks, locations have none. */
function moveLocation(path: string, text: string | undefined, location: string, isThere: boolean): string | undefined {
  const locations = new Set(text === undefined ? [] : text.slice(text.lastIndexOf(" ") + 1, -1).split(","));
  if (isThere) locations.add(location);
  else locations.delete(location);
  return locations.size === 0 ? undefined : `${path} ${[...locations].sort().join(",")}\n`;
}

export function contentsKey(line: string): string {
  return line.slice(0, line.lastIndexOf(" "));
}
