/** What differs in the archives of old releases, as data: newest first. */
const OLD_RELEASES = ["buster", "stretch", "jessie", "wheezy", "squeeze", "lenny"];

/** Their archives are frozen: what they signed has a Valid-Until long past. */
const FROZEN_ARCHIVE = ["Acquire::Check-Valid-Until=false"];

/** Names with which a release's archive goes beside its own: `bookworm-security`; up to buster it was `buster/updates`. */
export function securitySuite(codename: string): string {
  return OLD_RELEASES.includes(codename) ? `${codename}/updates` : `${codename}-security`;
}

/** APT options that a release's archive needs today. */
export function releaseAptOptions(codename: string): readonly string[] {
  return OLD_RELEASES.includes(codename) ? FROZEN_ARCHIVE : [];
}

/** A release without updates and security: all changes go to itself. */
export function isRolling(codename: string): boolean {
  return ["sid", "experimental"].includes(codename);
}
