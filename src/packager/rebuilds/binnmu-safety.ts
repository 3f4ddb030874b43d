import { type Dependency, fieldValue, parseDeb822Stanza, parseRelations } from "../../formats/index.ts";
import { AppError } from "../../runtime/index.ts";

/** A binary package, as its stanza in Packages says. */
export interface RelatedPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly stanza: string;
}

/** A dependency on exactly one version of another binary package of the same source. */
export interface ExactDependency {
  readonly of: string;
  readonly on: string;
  readonly version: string;
}

/**
 * Dependencies that would not be satisfied any more when `coming` are there in the place of packages of the same names,
 * beside those that stay: `foo (= 1.0-1)` of an arch:all package, when foo becomes 1.0-1+b1, or the other way round.
 */
export function findBrokenDependencies(staying: readonly RelatedPackage[], coming: readonly RelatedPackage[]): ExactDependency[] {
  const versions = new Map([...staying, ...coming].map(({ name, version }) => [name, version]));
  return [...staying, ...coming].flatMap((related) =>
    exactDependencies(related, versions).filter(({ on, version }) => version !== versions.get(on)),
  );
}

/** Those of an architecture's own packages on arch:all ones: with a binNMU they hold only when written `${source:Version}`. */
export function findExactOnAll(packages: readonly RelatedPackage[]): ExactDependency[] {
  const all = new Map(packages.filter(({ architecture }) => architecture === "all").map(({ name, version }) => [name, version]));
  return packages.filter(({ architecture }) => architecture !== "all").flatMap((related) => exactDependencies(related, all));
}

/** debian/control says `(= ${binary:Version})` of such a dependency, which a binNMU would break. Undefined: it does not say. */
export function breaksByControl(control: string, { of, on }: ExactDependency): boolean {
  const paragraph = control
    .split(/\n[ \t]*\n/)
    .find((text) => new RegExp(`^Package:[ \\t]*${escapeForExpression(of)}[ \\t]*$`, "im").test(text));
  const exact = new RegExp(
    `(?:^|[\\s,|])${escapeForExpression(on)}(?::any)?\\s*\\(\\s*=\\s*\\$\\{(?:binary:Version|Source-Version)\\}\\s*\\)`,
  );
  return paragraph !== undefined && exact.test(paragraph);
}

/** Alternatives keep a dependency whole: only those that have none count. */
function exactDependencies({ name, stanza }: RelatedPackage, siblings: ReadonlyMap<string, string>): ExactDependency[] {
  return dependenciesOf(stanza).flatMap((dependency) => {
    const [relation, alternative] = dependency;
    if (relation?.constraint?.operator !== "=" || alternative !== undefined || !siblings.has(relation.name)) return [];
    return [{ of: name, on: relation.name, version: relation.constraint.version }];
  });
}

/** What cannot be read breaks nothing that was whole before. */
function dependenciesOf(stanzaText: string): Dependency[] {
  const stanza = parseDeb822Stanza(stanzaText);
  return ["Pre-Depends", "Depends"].flatMap((field) => {
    try {
      return parseRelations(fieldValue(stanza, field) ?? "");
    } catch (error) {
      if (error instanceof AppError && error.kind === "invalid") return [];
      throw error;
    }
  });
}

function escapeForExpression(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
