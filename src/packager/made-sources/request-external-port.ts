import type { Problem } from "../../rules/index.ts";
import type { PackagerContext } from "../packager-context.ts";
import { fetchDsc, presentKeyrings } from "./external-source.ts";
import { requireWorkshop } from "./open-workshop.ts";
import { parsePortOptions, parseTargets, planPort, refusePort } from "./plan-port.ts";
import type { RequestedPort } from "./request-port.ts";
import { requestSources } from "./request-sources.ts";
import type { PlannedSource } from "./source-request.ts";

export interface ExternalPortRequest {
  readonly dscUrl: string;
  readonly to: readonly string[];
  /** Upload options, separated by |. */
  readonly options?: string | undefined;
  /** Also when nobody known has signed it. */
  readonly allowUnauthenticated: boolean;
  readonly by: string;
}

/**
 * Have a source package of another archive built here. Its .dsc is looked at before this returns, the rest is a job.
 * Throws what fetchDsc throws, PORT_REFUSED, PORT_OPTIONS_INVALID, PORT_TARGETS_MISSING, WORKSHOP_MISSING.
 */
export async function requestExternalPort(context: PackagerContext, request: ExternalPortRequest): Promise<RequestedPort[]> {
  requireWorkshop(context);
  const options = parsePortOptions(request.options);
  const targets = parseTargets(request.to);
  const keyrings = request.allowUnauthenticated ? "any" : presentKeyrings(context.own.externalKeyrings);
  const { dscUrl, text, dsc } = await fetchDsc(request.dscUrl, { keyrings, limits: context.limits });

  return context.database.transaction(async (tx) => {
    const plans: PlannedSource[] = [];
    const problems: Problem[] = [];
    for (const to of targets) {
      const port = { kind: "external-port", dscUrl, dscText: text, options } as const;
      const question = { source: dsc.source, version: dsc.version, from: undefined, to, request: port };
      const planned = await planPort(context, tx, question);
      problems.push(...planned.problems);
      if (planned.plan !== undefined) plans.push(planned.plan);
    }
    if (problems.length > 0) refusePort(dsc.source, problems);

    const ids = await requestSources(tx, plans, request.by);
    return plans.map(({ source, version, distribution }, index) => ({
      id: ids[index] ?? 0,
      source,
      version,
      distribution,
      dscUrl,
    }));
  });
}
