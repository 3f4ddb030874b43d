import { resolve } from "node:path";
import type { CheckMode, OrderAptSource } from "../buildorder/index.ts";
import { formatDistributionName } from "../formats/index.ts";
import type { Layout, SuiteRules } from "../rules/index.ts";
import { AppError } from "../runtime/index.ts";
import type { CatalogDocument, CodenameDocument } from "./document.ts";
import { layoutsOf } from "./layouts.ts";
import { releaseAptOptions } from "./release-traits.ts";

export interface TargetArchitecture {
  readonly name: string;
  /** Its build may fail without failing the upload. */
  readonly isOptional: boolean;
  /** Exactly one mandatory architecture of a distribution builds the arch:all packages. */
  readonly buildsAll: boolean;
}

/** What a distribution is and wants; all that packager and archive need to know of it. */
export interface DistributionTarget {
  /** `bookworm-test-unstable` */
  readonly name: string;
  readonly codename: string;
  readonly repositoryId: string;
  readonly suite: SuiteRules;
  readonly layout: Layout;
  /** CODEVERSION of version rules: `12`, `~SID`. */
  readonly codeversion: string;
  readonly architectures: readonly TargetArchitecture[];
  readonly components: readonly string[];
  /** An unsigned .changes is taken. */
  readonly takesUnsigned: boolean;
  /** Absolute paths of keyrings whose owners may upload. */
  readonly uploaderKeyringPaths: readonly string[];
  /** Our distributions that its builds see beside the base: itself, and those it migrates to. */
  readonly visibleDistributions: readonly string[];
  /** APT priority of those in builds; 1: only what nothing else satisfies. */
  readonly internalPriority: number;
  readonly lintianMode: CheckMode;
  readonly autopkgtestMode: CheckMode;
  readonly piupartsMode: CheckMode;
  readonly debBuildOptions: readonly string[];
  readonly debBuildProfiles: readonly string[];
  readonly addDepends: readonly string[];
  /** Of a build dependency with alternatives any will do, not only the first. */
  readonly takesAlternatives: boolean;
  /** Run as root in the testbed of each build, before it. */
  readonly setupScript: string | undefined;
  /** Builds do not wait for the disk (eatmydata). */
  readonly eatmydata: boolean;
  /** Builds of a source package take what earlier ones compiled (ccache). */
  readonly ccache: boolean;
  /** Further packages in its base layers. */
  readonly basePackages: readonly string[];
  /** `Key=Value`: what its archives need of APT in testbeds. */
  readonly aptOptions: readonly string[];
}

/** The upstream archives that builds for a codename draw from. */
export interface BuildSources {
  readonly base: readonly OrderAptSource[];
  readonly extra: readonly OrderAptSource[];
}

/** What the machine and the files around the document told about a codename. */
export interface ResolvedCodename {
  readonly codeversion: string;
  /** Or why they are not known now. */
  readonly sources: BuildSources | AppError;
}

/** What this instance serves. Made by resolveCatalog; immutable. */
export class Catalog {
  readonly document: CatalogDocument;
  readonly #targets: ReadonlyMap<string, DistributionTarget>;
  readonly #metaDistributions: ReadonlyMap<string, string>;
  readonly #resolved: ReadonlyMap<string, ResolvedCodename>;

  constructor(document: CatalogDocument, resolved: ReadonlyMap<string, ResolvedCodename>, keyringsPath: string) {
    this.document = document;
    this.#resolved = resolved;
    const targets = listTargets(document, resolved, keyringsPath);
    this.#targets = new Map(targets.map((target) => [target.name, target]));
    this.#metaDistributions = new Map(targets.flatMap(metaNamesOf));
  }

  /** By its name, or by a meta-distribution of its layout ("unstable"). Undefined when we do not serve it. */
  findDistribution(name: string): DistributionTarget | undefined {
    return this.#targets.get(this.#metaDistributions.get(name) ?? name);
  }

  /** By repository, then codename, then suite, in the order of the document. */
  listDistributions(): readonly DistributionTarget[] {
    return [...this.#targets.values()];
  }

  /** Throws HOST_ARCHIVE_UNKNOWN, CATALOG_KEYRING_MISSING (unavailable) while this machine cannot tell them. */
  buildSources(codename: string): BuildSources {
    const sources = this.#resolved.get(codename)?.sources;
    if (sources === undefined) throw unknownCodename(codename);
    if (sources instanceof AppError) throw sources;
    return sources;
  }
}

function listTargets(
  document: CatalogDocument,
  resolved: ReadonlyMap<string, ResolvedCodename>,
  keyringsPath: string,
): DistributionTarget[] {
  const layouts = layoutsOf(document);
  return Object.entries(document.repositories).flatMap(([repositoryId, repository]) =>
    repository.codenames.flatMap((codename) => {
      const layout = layouts.get(repository.layout);
      const base = document.codenames[codename];
      if (layout === undefined || base === undefined) return [];

      const shared = {
        codename,
        repositoryId,
        layout,
        codeversion: resolved.get(codename)?.codeversion ?? `~${codename.toUpperCase()}`,
        takesUnsigned: repository.uploads === "unsigned",
        uploaderKeyringPaths: repository["uploader-keyrings"].map((name) => resolve(keyringsPath, name)),
        ...codenameRules(codename, base),
      };
      const nameOf = (suite: string): string => formatDistributionName({ codename, repositoryId, suite });
      return layout.suites.map((suite) => ({
        ...shared,
        suite,
        name: nameOf(suite.name),
        visibleDistributions: visibleSuites(layout, suite).map(nameOf),
      }));
    }),
  );
}

function codenameRules(name: string, codename: CodenameDocument) {
  const buildsAll = codename["builds-all"] ?? codename.architectures[0];
  return {
    architectures: [
      ...codename.architectures.map((name) => ({ name, isOptional: false, buildsAll: name === buildsAll })),
      ...codename["optional-architectures"].map((name) => ({ name, isOptional: true, buildsAll: false })),
    ],
    components: codename.components,
    internalPriority: codename["internal-priority"],
    lintianMode: codename.lintian,
    autopkgtestMode: codename.autopkgtest,
    piupartsMode: codename.piuparts,
    debBuildOptions: codename["deb-build-options"],
    debBuildProfiles: codename["deb-build-profiles"],
    addDepends: codename["add-depends"],
    // sbuild's resolver "apt" and the original's "internal" look at the first alternative only.
    takesAlternatives: ["aptitude", "aspcud"].includes(codename["build-dep-resolver"]),
    setupScript: codename["setup-script"],
    eatmydata: codename.eatmydata,
    ccache: codename.ccache,
    basePackages: [...new Set([...codename["base-packages"], ...(codename.eatmydata ? ["eatmydata"] : [])])],
    aptOptions: [...new Set([...releaseAptOptions(name), ...codename["apt-options"]])],
  };
}

/** Itself and the suites it migrates to; an experimental suite sees all that are not experimental. */
function visibleSuites(layout: Layout, suite: SuiteRules): string[] {
  if (suite.experimental) {
    return [suite.name, ...layout.suites.filter((other) => !other.experimental).map((other) => other.name)];
  }
  const names: string[] = [];
  let next: SuiteRules | undefined = suite;
  while (next !== undefined && !names.includes(next.name)) {
    names.push(next.name);
    const target: string | undefined = next.migratesTo;
    next = layout.suites.find((other) => other.name === target);
  }
  return names;
}

function metaNamesOf(target: DistributionTarget): [string, string][] {
  const { layout, codename, suite, name } = target;
  const plain = `${codename}-${suite.name}`;
  return Object.entries(layout.metaDistributions ?? {}).flatMap(([meta, of]) => (of === plain ? [[meta, name]] : []));
}

function unknownCodename(codename: string): AppError {
  return new AppError({
    kind: "not-found",
    code: "CODENAME_UNKNOWN",
    message: `the catalog has no codename "${codename}"`,
    hint: "Declare it in etc/catalog.toml and apply that",
  });
}
