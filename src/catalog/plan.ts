import { formatDistributionName } from "../formats/index.ts";
import type { CatalogDocument } from "./document.ts";
import { layoutsOf } from "./layouts.ts";

/** One difference between the catalog in force and an edited one. */
export interface CatalogChange {
  /** For people: `+ distribution trixie-test-unstable`, `~ codename bookworm: lintian "errfail" → "ignore"`. */
  readonly summary: string;
  /** The distribution that would no longer serve (some of) its packages, if it has any. */
  readonly endangers?: string | undefined;
}

export const emptyCatalogDocument: CatalogDocument = { "archive-sources": {}, codenames: {}, layouts: {}, repositories: {} };

/** What an edit would change, in the order: objects as declared, then the distributions that come and go. */
export function planCatalog(before: CatalogDocument, after: CatalogDocument): CatalogChange[] {
  return [
    ...compareTables("archive source", before["archive-sources"], after["archive-sources"]),
    ...compareTables("codename", before.codenames, after.codenames),
    ...compareTables("layout", before.layouts, after.layouts),
    ...compareTables("repository", before.repositories, after.repositories),
    ...compareDistributions(servedDistributions(before), servedDistributions(after)),
  ];
}

type Tables = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

function compareTables(kind: string, before: Tables, after: Tables): CatalogChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.flatMap((name) => {
    const [old, edited] = [before[name], after[name]];
    if (old === undefined) return [{ summary: `+ ${kind} ${name}` }];
    if (edited === undefined) return [{ summary: `- ${kind} ${name}` }];
    return compareKeys(`${kind} ${name}`, old, edited);
  });
}

function compareKeys(object: string, before: Tables[string], after: Tables[string]): CatalogChange[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys
    .filter((key) => show(before[key]) !== show(after[key]))
    .map((key) => ({ summary: `~ ${object}: ${key} ${show(before[key])} → ${show(after[key])}` }));
}

function show(value: unknown): string {
  if (value === undefined) return "(none)";
  const text = JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

interface Served {
  readonly architectures: readonly string[];
  readonly components: readonly string[];
}

function servedDistributions(document: CatalogDocument): Map<string, Served> {
  const layouts = layoutsOf(document);
  const served = new Map<string, Served>();
  for (const [repositoryId, repository] of Object.entries(document.repositories)) {
    for (const codename of repository.codenames) {
      const { architectures = [], components = [], "optional-architectures": optional = [] } = document.codenames[codename] ?? {};
      for (const suite of layouts.get(repository.layout)?.suites ?? []) {
        const name = formatDistributionName({ codename, repositoryId, suite: suite.name });
        served.set(name, { architectures: [...architectures, ...optional], components });
      }
    }
  }
  return served;
}

function compareDistributions(before: Map<string, Served>, after: Map<string, Served>): CatalogChange[] {
  const added = [...after.keys()].filter((name) => !before.has(name)).map((name) => ({ summary: `+ distribution ${name}` }));
  const others = [...before].flatMap(([name, old]) => {
    const edited = after.get(name);
    return edited === undefined ? [{ summary: `- distribution ${name}`, endangers: name }] : compareServed(name, old, edited);
  });
  return [...added, ...others];
}

function compareServed(name: string, before: Served, after: Served): CatalogChange[] {
  return (["architectures", "components"] as const).flatMap((key) => {
    const kind = key.slice(0, -1);
    const added = after[key].filter((item) => !before[key].includes(item));
    const removed = before[key].filter((item) => !after[key].includes(item));
    return [
      ...added.map((item) => ({ summary: `+ ${kind} ${item} of distribution ${name}` })),
      ...removed.map((item) => ({ summary: `- ${kind} ${item} of distribution ${name}`, endangers: name })),
    ];
  });
}
