import { createHash } from "node:crypto";
import type { ResolvedPackage } from "./types.ts";

export interface PlannedPackage extends ResolvedPackage {
  readonly uri: string;
  /** As it is called in apt's archive directory; absent for packages of `file:` sources, which apt takes from there. */
  readonly archiveName: string | undefined;
  readonly sha256: string;
}

/** What apt would do: complete and exact, so that another apt run with it has nothing left to decide. */
export interface InstallPlan {
  readonly install: readonly PlannedPackage[];
  readonly remove: readonly string[];
  /** Why versions of a lower priority are in it, for people. Absent: there are none. */
  readonly remarks?: readonly string[] | undefined;
}

/** The package that RELATIONS_SCRIPT makes; it is planned with, never installed in a layer. */
export const DUMMY_PACKAGE_NAME = "mini-buildd-build-depends";

/**
 * Reads `apt-get --print-uris` with Acquire::ForceHash=SHA256 and an empty archive directory:
 * `'URI' name_version_architecture.deb SIZE SHA256:HASH` for each package, after apt's summary, which names removals.
 */
export function parsePlan(output: string): InstallPlan {
  const install: PlannedPackage[] = [];
  for (const [, uri = "", fileName = "", sha256 = ""] of output.matchAll(/^'([^']+)' (\S+\.deb) \d+ SHA256:([0-9a-f]{64})$/gm)) {
    const [name, version, architecture] = fileName.slice(0, -".deb".length).split("_").map(decodeURIComponent);
    if (name === undefined || version === undefined || architecture === undefined || name === DUMMY_PACKAGE_NAME) continue;
    install.push({ name, version, architecture, uri, sha256, archiveName: /^(?:file|copy):/.test(uri) ? undefined : fileName });
  }
  const [, removed = ""] = /^The following packages will be REMOVED:\n((?: .*\n)*)/m.exec(output) ?? [];
  const remove = removed.split(/\s+/).flatMap((name) => (name === "" ? [] : [name.replace(/\*$/, "")]));
  return { install: install.toSorted(byName), remove: remove.toSorted() };
}

export function isEmptyPlan(plan: InstallPlan): boolean {
  return plan.install.length === 0 && plan.remove.length === 0;
}

/** Arguments for apt-get install that carry the plan out. */
export function planArguments(plan: InstallPlan): string[] {
  return [
    ...plan.install.map(({ name, version, architecture }) => `${name}${qualifier(architecture)}=${version}`),
    ...plan.remove.map((name) => `${name}-`),
  ];
}

/** The exact content decides, not only names and versions: a package of the same version rebuilt elsewhere is another. */
export function planLayerId(plan: InstallPlan, on: readonly string[]): string {
  const content = {
    on,
    install: plan.install.map(({ name, version, architecture, sha256 }) => [name, version, architecture, sha256]),
    remove: plan.remove,
  };
  return `deps-${createHash("sha256").update(JSON.stringify(content)).digest("hex").slice(0, 24)}`;
}

/** Why apt refused, when it is the dependencies' fault; undefined when something else went wrong. */
export function unsatisfiableReason(output: string): string | undefined {
  if (
    !/unmet dependencies|Unable to locate package|Unable to correct problems|held broken packages|has no installation candidate|Unable to satisfy/i.test(
      output,
    )
  ) {
    return undefined;
  }
  const lines = output.split("\n").map((line) => line.trim());
  const reasons = lines.filter((line) => /Depends:|Conflicts:|Breaks:|Unable to locate|no installation candidate/.test(line));
  return (
    [...new Set(reasons)].join("; ").replaceAll(new RegExp(`${DUMMY_PACKAGE_NAME} : ?`, "g"), "") ||
    lines.filter((line) => line.startsWith("E:")).join("; ")
  );
}

/**
 * What apt says is missing: of the wanted package's own dependencies, and whether anything behind them may be. Of a
 * version that is too low apt often says no more than "not going to be installed".
 */
export function missingDependencies(output: string): { relations: string[]; isDeep: boolean } {
  const relations = new Set<string>();
  let isDeep = false;
  let isOurs = false;
  for (const line of output.split("\n")) {
    const [, owner] = /^ (\S+) : /.exec(line) ?? [];
    if (owner !== undefined) isOurs = owner.split(":")[0] === DUMMY_PACKAGE_NAME;
    const [, relation, why = ""] = /(?:Pre)?Depends: (\S+(?: \([^()]*\))?) but (.*)$/.exec(line) ?? [];
    if (relation === undefined) continue;
    if (isOurs) relations.add(relation);
    if (!isOurs || why.includes("not going to be installed")) isDeep = true;
  }
  return { relations: [...relations], isDeep: isDeep || relations.size === 0 };
}

function qualifier(architecture: string): string {
  return architecture === "all" ? "" : `:${architecture}`;
}

function byName(a: PlannedPackage, b: PlannedPackage): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
