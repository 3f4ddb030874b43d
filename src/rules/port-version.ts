import type { Version } from "../formats/index.ts";
import { portSuffix, rebuiltSuffix, type VersionTarget } from "./version-policy.ts";

export interface PortedVersion {
  readonly version: Version;
  /** Where it comes from here; undefined: from elsewhere. */
  readonly from?: VersionTarget | undefined;
  readonly to: VersionTarget;
  readonly at: Date;
}

/**
 * The version of a port. Ours gives way to that of the target, so that upgrades go from one release to the next
 * (`1.5~test12+1` → `1.5~test13+1`); what is from elsewhere gets the target's behind it; in place a rebuild is marked.
 * What came after our own number stays. It is text: whether it is a version that the target takes is judged as for
 * every upload.
 */
export function portedVersion({ version, from, to, at }: PortedVersion): string {
  if (from === undefined) return `${version}${portSuffix(to)}`;

  const ported = isSame(from, to) ? version : withSuffix(version, from, portSuffix(to));
  // A repository has one content for each version: another suite with the same suffix gets a rebuild, too.
  return ported === version && from.repositoryId === to.repositoryId ? `${version}${rebuiltSuffix(at)}` : ported;
}

function isSame(a: VersionTarget, b: VersionTarget): boolean {
  return a.repositoryId === b.repositoryId && a.codeversion === b.codeversion && a.suite.name === b.suite.name;
}

function withSuffix(version: string, from: VersionTarget, suffix: string): string {
  const place = findOwnPart(version, from);
  if (place === undefined) return `${version}${suffix}`;
  const { before, number, after } = place;
  return `${before}${withNumber(suffix, number)}${after}`;
}

/** The last `~test12+1` of a version. */
function findOwnPart(
  version: string,
  { repositoryId, codeversion }: VersionTarget,
): { before: string; number: string; after: string } | undefined {
  const mark = `~${repositoryId}${codeversion}+`;
  const at = version.lastIndexOf(mark);
  const [, number, after] = at < 0 ? [] : (/^([0-9]+)(.*)$/s.exec(version.slice(at + mark.length)) ?? []);
  return number === undefined || after === undefined ? undefined : { before: version.slice(0, at), number, after };
}

/** `+2` stays the second one. Nothing has to be kept of a first one; and where experiments end in `+0`, of none at all: `+0.2`. */
function withNumber(suffix: string, number: string): string {
  if (/^0*[01]?$/.test(number)) return suffix;
  return suffix.endsWith("+1") ? `${suffix.slice(0, -1)}${number}` : `${suffix}.${number}`;
}
