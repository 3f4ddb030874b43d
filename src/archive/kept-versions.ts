import type { Transaction } from "../database/index.ts";
import { compareVersions, type Version } from "../formats/index.ts";
import type { DistributionSettings } from "./distribution-settings.ts";
import { closeMemberships, membersBySourceVersion } from "./membership.ts";

/** Of a source package keep the newest version and `keep` older ones; the others leave the distribution, with their binaries. */
export async function closeOldVersions(
  tx: Transaction,
  settings: DistributionSettings,
  source: string,
  change: number,
): Promise<void> {
  const members = await membersBySourceVersion(tx, settings, source);
  const newestFirst = [...members.keys()].sort((a, b) => compareVersions(b as Version, a as Version));
  for (const version of newestFirst.slice(settings.keep + 1)) {
    const old = members.get(version);
    if (old !== undefined) await closeMemberships(tx, old, change);
  }
}
