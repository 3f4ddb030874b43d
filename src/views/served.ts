import type { Catalog, DistributionTarget } from "../catalog/index.ts";
import { fieldValue, parseDeb822Stanzas } from "../formats/index.ts";
import { portSuffix, rollbackCount } from "../rules/index.ts";

/** A distribution as readers of pages and answers need it; made of the catalog in force. */
export interface ServedDistribution {
  readonly name: string;
  readonly codename: string;
  readonly suite: string;
  readonly components: readonly string[];
  readonly architectures: readonly { readonly name: string; readonly isOptional: boolean }[];
  readonly isUploadable: boolean;
  readonly isExperimental: boolean;
  /** The suite packages go to next. */
  readonly migratesTo: string | undefined;
  /** Older versions kept visible. */
  readonly keptVersions: number;
  /** How many of them `-rollbackN` distributions show, too. */
  readonly rollbacks: number;
  /** The APT priority that users are advised to give it. */
  readonly aptPriority: number | undefined;
  /** What a version must end with here, for example `~test12+1`; undefined: anything. */
  readonly versionSuffix: string | undefined;
  /** APT source lines of the extra archive sources that builds see, for `sources_list --with-extra`. */
  readonly extraSources: readonly ServedExtraSource[];
}

export interface ServedExtraSource {
  readonly name: string;
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
  /** Keyring paths or an armored key. */
  readonly signedBy: string | undefined;
}

export interface ServedRepository {
  readonly id: string;
  readonly description: string | undefined;
  readonly layout: string;
  /** Whether uploads need the signature of a known uploader key. */
  readonly uploads: "signed" | "unsigned";
  readonly codenames: readonly string[];
  readonly distributions: readonly ServedDistribution[];
}

/** What a catalog serves, in its order. */
export function servedRepositories(catalog: Catalog): ServedRepository[] {
  const targets = Map.groupBy(catalog.listDistributions(), (target) => target.repositoryId);
  return [...targets].map(([id, distributions]) => {
    const document = catalog.document.repositories[id];
    return {
      id,
      description: document?.description,
      layout: document?.layout ?? "",
      uploads: document?.uploads ?? "signed",
      codenames: document?.codenames ?? [],
      distributions: distributions.map((target) => servedDistribution(catalog, target)),
    };
  });
}

function servedDistribution(catalog: Catalog, target: DistributionTarget): ServedDistribution {
  const { suite, layout } = target;
  const rule = suite.experimental ? layout.experimentalVersionRule : layout.versionRule;
  return {
    name: target.name,
    codename: target.codename,
    suite: suite.name,
    components: target.components,
    architectures: target.architectures.map(({ name, isOptional }) => ({ name, isOptional })),
    isUploadable: suite.uploadable,
    isExperimental: suite.experimental,
    migratesTo: suite.migratesTo,
    keptVersions: suite.keep,
    rollbacks: rollbackCount(suite),
    aptPriority: suite.aptPriority,
    versionSuffix: rule === undefined ? undefined : portSuffix(target),
    extraSources: extraSources(catalog, target.codename),
  };
}

function extraSources(catalog: Catalog, codename: string): ServedExtraSource[] {
  return extraStanzas(catalog, codename).flatMap(({ name, deb822 }) =>
    parseDeb822Stanzas(deb822).flatMap((stanza) => {
      const words = (field: string): string[] => (fieldValue(stanza, field) ?? "").split(/\s+/).filter((word) => word !== "");
      return words("URIs").flatMap((uri) =>
        words("Suites").map((suite) => ({
          name,
          uri,
          suite,
          components: words("Components"),
          signedBy: fieldValue(stanza, "Signed-By"),
        })),
      );
    }),
  );
}

/** None while the machine cannot tell them: pages are shown all the same. */
function extraStanzas(catalog: Catalog, codename: string): readonly { name: string; deb822: string }[] {
  try {
    return catalog.buildSources(codename).extra;
  } catch {
    return [];
  }
}

/** Where packages of a distribution migrate to. */
export function nextDistribution(repository: ServedRepository, distribution: ServedDistribution): ServedDistribution | undefined {
  return repository.distributions.find(
    (candidate) => candidate.codename === distribution.codename && candidate.suite === distribution.migratesTo,
  );
}
