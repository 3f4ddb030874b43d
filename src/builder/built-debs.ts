import { join } from "node:path";
import {
  type Dependency,
  fieldValue,
  formatRelations,
  parseRelations,
  parseVersion,
  type Relation,
  readDebControl,
  type Version,
  versionSatisfies,
} from "../formats/index.ts";
import { AppError } from "../runtime/index.ts";
import type { BuiltFiles } from "./deliver.ts";
import { packageFailed } from "./ending.ts";

/** A binary package that this build made, as its control file says. */
export interface BuiltDeb {
  readonly fileName: string;
  readonly name: string;
  readonly version: Version;
  /** Pre-Depends and Depends. */
  readonly depends: readonly Dependency[];
  readonly provides: readonly { readonly name: string; readonly version: Version | undefined }[];
}

/** Those that people install: no installer's packages, no debug symbols. */
export async function readBuiltDebs(built: BuiltFiles, resultPath: string): Promise<BuiltDeb[]> {
  const names = built.files.map(({ name }) => name).filter((name) => name.endsWith(".deb") && !/-dbgsym_[^_]*_[^_]*$/.test(name));
  return Promise.all(names.map((name) => readBuiltDeb(join(resultPath, name), name)));
}

async function readBuiltDeb(path: string, fileName: string): Promise<BuiltDeb> {
  try {
    const { packageName, version, stanza } = await readDebControl(path);
    const relationsOf = (field: string): Dependency[] => parseRelations(fieldValue(stanza, field) ?? "");
    const provides = relationsOf("Provides").flat();
    return {
      fileName,
      name: packageName,
      version,
      depends: [...relationsOf("Pre-Depends"), ...relationsOf("Depends")],
      provides: provides.map(({ name, constraint }) => ({
        name,
        version: constraint === undefined ? undefined : parseVersion(constraint.version),
      })),
    };
  } catch (error) {
    if (error instanceof AppError && error.kind === "invalid")
      throw packageFailed(`${fileName} was built, but: ${error.message}`, "output");
    throw error;
  }
}

/** What must come from elsewhere for these packages to be installed: relations, one dependency each. */
export function outsideDepends(debs: readonly BuiltDeb[], all: readonly BuiltDeb[] = debs): string[] {
  const outside = debs.flatMap(({ depends }) => depends.filter((dependency) => !isBuiltHere(dependency, all)));
  return [...new Set(outside.map((dependency) => formatRelations([dependency])))].toSorted();
}

/** These packages and those of the same build that they depend on. */
export function withBuiltDepends(debs: readonly BuiltDeb[], all: readonly BuiltDeb[]): BuiltDeb[] {
  const found = new Set(debs);
  for (const deb of found) {
    const wanted = all.filter((other) => deb.depends.some((dependency) => isBuiltHere(dependency, [other])));
    for (const other of wanted) found.add(other);
  }
  return [...found];
}

export function isBuiltHere(dependency: Dependency, debs: readonly BuiltDeb[]): boolean {
  return dependency.some((relation) => debs.some((deb) => satisfies(deb, relation)));
}

function satisfies(deb: BuiltDeb, relation: Relation): boolean {
  if (deb.name === relation.name) return versionSatisfies(deb.version, relation);
  return deb.provides.some(
    ({ name, version }) =>
      name === relation.name &&
      (relation.constraint === undefined || (version !== undefined && versionSatisfies(version, relation))),
  );
}
