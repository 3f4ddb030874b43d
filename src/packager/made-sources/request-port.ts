import type { Problem } from "../../rules/index.ts";
import type { PackagerContext } from "../packager-context.ts";
import { requireSource } from "../require-source.ts";
import { requireWorkshop } from "./open-workshop.ts";
import { parsePortOptions, parseTargets, planPort, refusePort } from "./plan-port.ts";
import { requestSources } from "./request-sources.ts";
import type { PlannedSource } from "./source-request.ts";

export interface PortRequest {
  readonly source: string;
  readonly from: string;
  readonly to: readonly string[];
  /** Default: the newest there. */
  readonly version?: string | undefined;
  /** Upload options, separated by |. */
  readonly options?: string | undefined;
  readonly by: string;
}

/** A port that will be made, and where its source is now. */
export interface RequestedPort {
  readonly id: number;
  readonly source: string;
  readonly version: string;
  readonly distribution: string;
  readonly dscUrl: string;
}

/**
 * Have a source package of ours built again for other distributions, with nothing changed but its changelog. Stored on
 * return; the rest is a job. Throws SOURCE_NOT_THERE, PORT_REFUSED, PORT_OPTIONS_INVALID, PORT_TARGETS_MISSING,
 * WORKSHOP_MISSING.
 */
export async function requestPort(context: PackagerContext, request: PortRequest): Promise<RequestedPort[]> {
  requireWorkshop(context);
  const options = parsePortOptions(request.options);
  const targets = parseTargets(request.to);
  const distribution = context.catalog().findDistribution(request.from)?.name ?? request.from;
  const wanted = { act: "port", source: request.source, distribution, version: request.version };
  const found = await requireSource(context.database.read, wanted);
  return context.database.transaction(async (tx) => {
    const plans: PlannedSource[] = [];
    const problems: Problem[] = [];
    for (const to of targets) {
      const { name: source, version, repositoryId } = found;
      const from = context.catalog().findDistribution(found.distribution);
      const port = { kind: "port", repositoryId, of: version, options } as const;
      const planned = await planPort(context, tx, { source, version, from, to, request: port });
      problems.push(...planned.problems);
      if (planned.plan !== undefined) plans.push(planned.plan);
    }
    if (problems.length > 0) refusePort(request.source, problems);

    const ids = await requestSources(tx, plans, request.by);
    const dscUrl = `${context.own.url}/repositories/${found.repositoryId}/${found.dscPath}`;
    return plans.map(({ source, version, distribution }, index) => ({
      id: ids[index] ?? 0,
      source,
      version,
      distribution,
      dscUrl,
    }));
  });
}
