import type { Catalog, DistributionTarget } from "../catalog/index.ts";
import { formatDistributionName, tryParseDistributionName } from "../formats/index.ts";
import { type Problem, rollbackCount } from "../rules/index.ts";

export interface DistributionFinding {
  readonly target: DistributionTarget | undefined;
  readonly problems: readonly Problem[];
}

const NAMES_SHOWN_MAX = 8;

/** The distribution exists here and takes uploads. */
export function checkDistribution(catalog: Catalog, name: string): DistributionFinding {
  const target = catalog.findDistribution(name);
  const uploadable = catalog.listDistributions().filter(({ suite }) => suite.uploadable);
  const viewed = target === undefined ? viewedDistribution(catalog, name) : undefined;
  if (viewed !== undefined) {
    const message = `${name} only shows what ${viewed.name} keeps: it takes no uploads`;
    return { target, problems: [{ code: "DISTRIBUTION_NOT_UPLOADABLE", message, hint: listed(uploadable) }] };
  }
  if (target === undefined) {
    return {
      target,
      problems: [{ code: "DISTRIBUTION_NOT_SERVED", message: `there is no distribution ${name} here`, hint: listed(uploadable) }],
    };
  }
  if (target.suite.uploadable) return { target, problems: [] };

  const feeders = uploadable.filter((other) => other.repositoryId === target.repositoryId && other.codename === target.codename);
  return {
    target,
    problems: [
      {
        code: "DISTRIBUTION_NOT_UPLOADABLE",
        message: `${target.name} takes no uploads: packages come there by migration`,
        hint: listed(feeders),
      },
    ],
  };
}

/** The one that a `-rollbackN` distribution is a view of. */
function viewedDistribution(catalog: Catalog, name: string): DistributionTarget | undefined {
  const parsed = tryParseDistributionName(name);
  if (parsed?.rollback === undefined) return undefined;

  const viewed = catalog.findDistribution(formatDistributionName({ ...parsed, rollback: undefined }));
  return viewed !== undefined && parsed.rollback < rollbackCount(viewed.suite) ? viewed : undefined;
}

function listed(targets: readonly DistributionTarget[]): string {
  if (targets.length === 0) return "No distribution takes uploads yet: declare one in etc/catalog.toml";

  const names = targets.slice(0, NAMES_SHOWN_MAX).map(({ name }) => name);
  const rest = targets.length - names.length;
  return `Upload to ${names.join(", ")}${rest > 0 ? ` or one of ${rest} more` : ""}`;
}
