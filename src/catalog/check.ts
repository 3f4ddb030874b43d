import type { ArchiveSourceDocument, CatalogDocument, CodenameDocument, RepositoryDocument } from "./document.ts";
import { layoutProblems, layoutsOf } from "./layouts.ts";
import type { CatalogProblems } from "./problems.ts";
import { suggestion } from "./suggest.ts";

/** What the grammar cannot say: every name that is referred to exists, and what excludes or needs each other. */
export function checkReferences(document: CatalogDocument, problems: CatalogProblems): void {
  for (const [name, source] of Object.entries(document["archive-sources"])) checkArchiveSource(name, source, problems);
  for (const [name, codename] of Object.entries(document.codenames)) checkCodename(document, name, codename, problems);
  for (const { name, message } of layoutProblems(document)) problems.add(["layouts", name], message);
  for (const [id, repository] of Object.entries(document.repositories)) checkRepository(document, id, repository, problems);
}

function checkArchiveSource(name: string, source: ArchiveSourceDocument, problems: CatalogProblems): void {
  const own = ["uris", "suites", "components", "signed-by"] as const;
  if (source.from === "host") {
    for (const key of own.filter((key) => source[key] !== undefined)) {
      problems.add(["archive-sources", name, key], 'does not go with from = "host"', "remove one of the two");
    }
    return;
  }

  for (const key of own.filter((key) => key !== "components" && source[key] === undefined)) {
    problems.add(["archive-sources", name], `${key} is missing`, 'give uris, suites and signed-by, or from = "host"');
  }
}

function checkCodename(document: CatalogDocument, name: string, codename: CodenameDocument, problems: CatalogProblems): void {
  const path = ["codenames", name];
  const sources = Object.keys(document["archive-sources"]);
  const [base, extra] = [codename.base, codename["extra-sources"]];
  if (!sources.includes(base)) problems.add([...path, "base"], `no archive source "${base}"`, suggestion(base, sources));
  for (const source of extra.filter((source) => !sources.includes(source))) {
    problems.add([...path, "extra-sources"], `no archive source "${source}"`, suggestion(source, sources));
  }
  if (extra.includes(base)) problems.add([...path, "extra-sources"], `"${base}" is the base source already`);

  checkArchitectures(codename, path, problems);
  for (const key of ["architectures", "optional-architectures", "components", "extra-sources"] as const) {
    for (const twice of repeated(codename[key])) problems.add([...path, key], `"${twice}" is listed twice`);
  }
}

function checkArchitectures(codename: CodenameDocument, path: readonly string[], problems: CatalogProblems): void {
  for (const optional of codename["optional-architectures"]) {
    if (codename.architectures.includes(optional)) {
      problems.add(
        [...path, "optional-architectures"],
        `"${optional}" is in architectures too`,
        "an architecture is mandatory or optional",
      );
    }
  }
  const buildsAll = codename["builds-all"];
  if (buildsAll !== undefined && !codename.architectures.includes(buildsAll)) {
    problems.add(
      [...path, "builds-all"],
      `"${buildsAll}" is not a mandatory architecture`,
      `arch:all packages must be built: use one of ${codename.architectures.join(", ")}`,
    );
  }
}

function checkRepository(document: CatalogDocument, id: string, repository: RepositoryDocument, problems: CatalogProblems): void {
  const path = ["repositories", id];
  const layouts = [...layoutsOf(document).keys()];
  if (!layouts.includes(repository.layout)) {
    problems.add([...path, "layout"], `no layout "${repository.layout}"`, suggestion(repository.layout, layouts));
  }

  const codenames = Object.keys(document.codenames);
  for (const codename of repository.codenames.filter((codename) => !codenames.includes(codename))) {
    problems.add([...path, "codenames"], `no codename "${codename}"`, suggestion(codename, codenames));
  }
  for (const twice of repeated(repository.codenames)) problems.add([...path, "codenames"], `"${twice}" is listed twice`);
}

function repeated(words: readonly string[]): string[] {
  return [...new Set(words.filter((word, index) => words.indexOf(word) !== index))];
}
