import type { DistributionTarget } from "../../catalog/index.ts";
import { parseVersion, poolDirectory } from "../../formats/index.ts";
import { type Problem, portSuffix } from "../../rules/index.ts";
import { AppError } from "../../runtime/index.ts";
import { checkDistribution } from "../check-distribution.ts";
import { checkVersion } from "../check-version.ts";
import type { PackagerContext } from "../packager-context.ts";
import { keyringPackageName } from "./keyring-tree.ts";
import { requireWorkshop } from "./open-workshop.ts";
import { refusePort } from "./plan-port.ts";
import type { RequestedPort } from "./request-port.ts";
import { checkUnderWay, requestSources } from "./request-sources.ts";
import type { PlannedSource } from "./source-request.ts";

export interface KeyringRequest {
  /** Default: all whose suite says so. */
  readonly distributions?: readonly string[] | undefined;
  /** Do not migrate them to the last suite once they are installed. */
  readonly withoutMigration: boolean;
  readonly by: string;
}

/**
 * Have keyring packages built: one version for all, with each distribution's suffix behind it, so that a newer one, and
 * that of a newer release, is an upgrade. Throws KEYRING_DISTRIBUTIONS_MISSING, PORT_REFUSED, WORKSHOP_MISSING.
 */
export async function requestKeyrings(context: PackagerContext, request: KeyringRequest): Promise<RequestedPort[]> {
  requireWorkshop(context);
  const source = keyringPackageName(context.own.identity);
  const given = request.distributions ?? defaultDistributions(context);
  if (given.length === 0) throw distributionsMissing();
  const build = { kind: "keyring", migrates: !request.withoutMigration } as const;
  return requestGenerated(context, { sources: [source], distributions: given, request: build, by: request.by });
}

function defaultDistributions(context: PackagerContext): string[] {
  const targets = context.catalog().listDistributions();
  return targets.filter(({ suite }) => suite.keyringPackages === true && suite.uploadable).map(({ name }) => name);
}

interface Generated {
  readonly sources: readonly string[];
  readonly distributions: readonly string[];
  readonly request: PlannedSource["request"];
  readonly by: string;
}

/** Sources that are written from nothing, each for each distribution, all with the time as their version. */
export async function requestGenerated(context: PackagerContext, generated: Generated): Promise<RequestedPort[]> {
  const { sources, distributions, request, by } = generated;
  return context.database.transaction(async (tx) => {
    const stamp = tx.now().toISOString().slice(0, 19).replaceAll(/[-:T]/g, "");
    const plans: PlannedSource[] = [];
    const targets: DistributionTarget[] = [];
    const problems: Problem[] = [];
    for (const name of new Set(distributions)) {
      const found = checkDistribution(context.catalog(), name);
      problems.push(...found.problems);
      const { target } = found;
      if (target === undefined || found.problems.length > 0) continue;
      for (const source of sources) {
        const version = parseVersion(`${stamp}${portSuffix(target)}`);
        const plan = { source, version, distribution: target.name, request };
        const changes = { source, version, sourceVersion: version };
        problems.push(...(await checkVersion(tx, { changes, target, dscSha256: undefined })), ...(await checkUnderWay(tx, plan)));
        plans.push(plan);
        targets.push(target);
      }
    }
    if (problems.length > 0) refusePort(sources.join(", "), problems);

    const ids = await requestSources(tx, plans, by);
    return plans.map((plan, index) => requested(context, { plan, id: ids[index] ?? 0, target: targets[index] }));
  });
}

/** Where its .dsc will be. */
function requested(
  { own }: PackagerContext,
  { plan, id, target }: { plan: PlannedSource; id: number; target: DistributionTarget | undefined },
): RequestedPort {
  const { source, version, distribution } = plan;
  const dscUrl = `${own.url}/repositories/${target?.repositoryId ?? ""}/${poolDirectory("main", source)}/${source}_${version}.dsc`;
  return { id, source, version, distribution, dscUrl };
}

function distributionsMissing(): AppError {
  return new AppError({
    kind: "invalid",
    code: "KEYRING_DISTRIBUTIONS_MISSING",
    message: "no distribution is for keyring packages",
    hint: "Name distributions, or set keyring-packages = true for a suite of the layout that takes uploads",
  });
}
