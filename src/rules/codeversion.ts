export interface CodeversionInput {
  readonly codename: string;
  /** `Version` of the base's Release file: "12.7", "24.04". */
  readonly releaseVersion?: string | undefined;
  /** `Origin` of it: tells Debian's 12.10 from Ubuntu's. */
  readonly origin?: string | undefined;
  /** What the administrator wants instead. */
  readonly override?: string | undefined;
}

/**
 * The %CODEVERSION% of version rules; it grows with the releases, so that upgrades between them go upwards.
 * Debian 7 and newer: the major number (`12`); older: major and minor without the dot (`60`); Ubuntu: both (`2404`);
 * without a version the codename in upper case after a tilde (`~SID`), which sorts below all numbers.
 */
export function codeversion({ codename, releaseVersion, origin, override }: CodeversionInput): string {
  if (override !== undefined && override !== "") return override;

  const [, major, minor] = /^([0-9]+)(?:\.([0-9]+))?/.exec(releaseVersion?.trim() ?? "") ?? [];
  if (major === undefined) return `~${codename.toUpperCase()}`;
  if (minor === undefined) return major;
  if (isUbuntu({ major, minor, origin })) return `${major}${minor}`;
  return Number(major) >= 7 ? major : `${major}${minor}`;
}

/** By Origin where it is known; else by the form: Debian's minor numbers have no zero in front, and Debian 20 is far. */
function isUbuntu({ major, minor, origin }: { major: string; minor: string; origin: string | undefined }): boolean {
  if (origin !== undefined) return origin === "Ubuntu";
  return /^0[0-9]$/.test(minor) || (minor === "10" && Number(major) >= 20);
}
