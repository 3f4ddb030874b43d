import { defaultLimits } from "../runtime/index.ts";
import { architectureListMatches } from "./architecture.ts";
import { invalid, quote } from "./invalid.ts";
import { compareVersions, parseVersion, type Version } from "./version.ts";

export type RelationOperator = "<<" | "<=" | "=" | ">=" | ">>";

/** One package with its constraints: `foo:any (>= 1.0) [linux-any] <!nocheck>`. */
export interface Relation {
  readonly name: string;
  /** "any", "native" or an architecture. */
  readonly qualifier?: string | undefined;
  readonly constraint?: { readonly operator: RelationOperator; readonly version: Version } | undefined;
  /** As written, "!amd64" included; empty: everywhere. */
  readonly architectures: readonly string[];
  /** Any of these groups, of which all terms must hold ("!nocheck"); empty: always. */
  readonly profiles: readonly (readonly string[])[];
}

/** Alternatives, the preferred one first. Never empty. */
export type Dependency = readonly Relation[];

/** Profiles need a blank between their lists: apt and dpkg disagree about `<a><b>`. */
const RELATION =
  /^([A-Za-z0-9][A-Za-z0-9+.-]*)(?::([A-Za-z0-9][A-Za-z0-9-]*))?\s*(?:\(\s*(<<|<=|=|>=|>>|<|>)(?![<>=])\s*([^()\s]+)\s*\))?\s*(?:\[([^\][]*)\])?\s*((?:<[^<>]*>(?:\s|$))*)$/;

/**
 * The value of Depends, Build-Depends and their like; "" is an empty list. Throws RELATION_INVALID, naming the
 * entry, and VERSION_INVALID. Substitution variables are not known here.
 */
export function parseRelations(text: string): Dependency[] {
  if (text.length > defaultLimits.controlFileSizeBytesMax) {
    throw invalid({ code: "CONTROL_DATA_TOO_LARGE", message: `a list of relations has ${text.length} characters` });
  }

  // One blank between words: the expression would take cubic time over a long run of them.
  const entries = text.split(",").map((entry) => entry.trim().replaceAll(/\s+/g, " "));
  return entries
    .filter((entry) => entry !== "")
    .map((entry) => entry.split("|").map((part) => parseRelation(part.trim(), entry)));
}

/** parseRelations(formatRelations(x)) = x. */
export function formatRelations(dependencies: readonly Dependency[]): string {
  return dependencies.map((alternatives) => alternatives.map(formatRelation).join(" | ")).join(", ");
}

export interface RelationContext {
  /** The architecture that is built for. */
  readonly architecture: string;
  readonly profiles: readonly string[];
}

/** What applies to this architecture and these build profiles, without their restrictions. */
export function reduceRelations(dependencies: readonly Dependency[], context: RelationContext): Dependency[] {
  const reduced = dependencies.map((alternatives) =>
    alternatives
      .filter((relation) => applies(relation, context))
      .map((relation) => ({ ...relation, architectures: [], profiles: [] })),
  );
  return reduced.filter((alternatives) => alternatives.length > 0);
}

/** Whether a version fulfils the relation's constraint; without one, each does. */
export function versionSatisfies(version: Version, { constraint }: Relation): boolean {
  if (constraint === undefined) return true;

  const order = compareVersions(version, constraint.version);
  switch (constraint.operator) {
    case "<<":
      return order < 0;
    case "<=":
      return order <= 0;
    case "=":
      return order === 0;
    case ">=":
      return order >= 0;
    case ">>":
      return order > 0;
  }
}

function parseRelation(text: string, entry: string): Relation {
  const match = RELATION.exec(text);
  const name = match?.[1];
  if (name === undefined) throw malformed(entry);

  const [, , qualifier, operator, version, architectures, profiles] = match ?? [];
  return {
    name,
    qualifier,
    constraint: operator === undefined ? undefined : { operator: modern(operator), version: parseVersion(version ?? "") },
    architectures: architectures === undefined ? [] : parseArchitectureList(architectures, entry),
    profiles: parseProfiles(profiles ?? "", entry),
  };
}

/** dpkg reads the obsolete `<` and `>` as "or equal". */
function modern(operator: string): RelationOperator {
  if (operator === "<") return "<=";
  if (operator === ">") return ">=";
  return operator as RelationOperator;
}

function parseArchitectureList(text: string, entry: string): string[] {
  const names = text.trim().split(/\s+/);
  if (names.every((name) => /^!?[a-z0-9][a-z0-9-]*$/.test(name))) return names;
  throw malformed(entry);
}

function parseProfiles(text: string, entry: string): string[][] {
  const groups = [...text.matchAll(/<([^<>]*)>/g)].map(([, terms]) => (terms ?? "").trim().split(/\s+/));
  if (groups.flat().every((term) => /^!?[a-z0-9][a-z0-9+.-]*$/.test(term))) return groups;
  throw malformed(entry);
}

function applies(relation: Relation, { architecture, profiles }: RelationContext): boolean {
  const isForArchitecture = relation.architectures.length === 0 || architectureListMatches(architecture, relation.architectures);
  const isForProfiles =
    relation.profiles.length === 0 || relation.profiles.some((terms) => terms.every((term) => profileTermHolds(term, profiles)));
  return isForArchitecture && isForProfiles;
}

function profileTermHolds(term: string, profiles: readonly string[]): boolean {
  return term.startsWith("!") ? !profiles.includes(term.slice(1)) : profiles.includes(term);
}

function formatRelation({ name, qualifier, constraint, architectures, profiles }: Relation): string {
  const parts = [
    qualifier === undefined ? name : `${name}:${qualifier}`,
    constraint && `(${constraint.operator} ${constraint.version})`,
    architectures.length > 0 ? `[${architectures.join(" ")}]` : undefined,
    ...profiles.map((terms) => `<${terms.join(" ")}>`),
  ];
  return parts.filter((part) => part !== undefined).join(" ");
}

function malformed(entry: string): Error {
  return invalid({
    code: "RELATION_INVALID",
    message: `${quote(entry)} is not a package relation`,
    hint: "A relation is: name[:any] (>= version) [architectures] <profiles>, alternatives separated by |",
  });
}
