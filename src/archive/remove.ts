import type { Transaction } from "../database/index.ts";
import { AppError } from "../runtime/index.ts";
import { commitChange, loadDistribution } from "./distributions.ts";
import type { InstallResult } from "./install.ts";
import { closeMemberships, membersBySourceVersion } from "./membership.ts";

export interface RemoveRequest {
  readonly distribution: string;
  readonly source: string;
  readonly version: string;
}

/**
 * Take a version of a source package, with its binary packages, out of a distribution; a kept older version becomes
 * the newest. Its files stay in the pool. Throws `not-found` DISTRIBUTION_UNKNOWN, PACKAGE_NOT_THERE.
 */
export async function removeSourceVersion(tx: Transaction, request: RemoveRequest): Promise<InstallResult> {
  const distribution = await loadDistribution(tx, request.distribution);
  const members = (await membersBySourceVersion(tx, distribution.settings, request.source)).get(request.version);
  if (members === undefined) throw notThere(request);

  const change = distribution.change + 1;
  await closeMemberships(tx, members, change);
  await commitChange(tx, distribution.settings, { change, nextSequence: distribution.nextSequence });
  return { isChanged: true, change };
}

function notThere({ distribution, source, version }: RemoveRequest): AppError {
  return new AppError({
    kind: "not-found",
    code: "PACKAGE_NOT_THERE",
    message: `source package ${source} ${version} is not in ${distribution}`,
    hint: `mini-buildd ls ${source} shows where it is`,
    facts: { distribution, source, version },
  });
}
