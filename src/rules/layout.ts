/** A suite's rules: the stage of a repository that an upload or a migration enters. */
export interface SuiteRules {
  readonly name: string;
  readonly uploadable: boolean;
  /** Failed checks do not block, the experimental version rule counts, and nothing migrates from it. */
  readonly experimental: boolean;
  readonly migratesTo?: string | undefined;
  /** How many older versions of each package stay visible beside the newest. */
  readonly keep: number;
  readonly notAutomatic: boolean;
  readonly butAutomaticUpgrades: boolean;
  /** How many of the kept versions `-rollbackN` distributions show, too; default: all that are kept. */
  readonly rollbacks?: number | undefined;
  /** The APT priority that users are advised to give it; finer than the two flags, which allow 500, 100 and 1. */
  readonly aptPriority?: number | undefined;
  /** Keyring packages of this instance are put here. */
  readonly keyringPackages?: boolean | undefined;
  /** Release says that it is valid for this many days; it is signed again in time. Default: for ever. */
  readonly validDays?: number | undefined;
  /** Indexes in zstd, too. */
  readonly zstd?: boolean | undefined;
  /** Default: versions are kept by number only, history for ever, and no snapshots are made. */
  readonly retention?: SuiteRetention | undefined;
}

/** How long a suite keeps what is not its newest. */
export interface SuiteRetention {
  /** Older versions leave this many days after they were superseded, even if there are no more than `keep`. */
  readonly keepDays?: number | undefined;
  /** What left the suite this many days ago may be forgotten: no snapshot by time shows it any more. */
  readonly historyDays?: number | undefined;
  /** How many of the snapshots that the schedule makes stay; 0: none are made. */
  readonly snapshots?: { readonly weekly: number; readonly monthly: number; readonly yearly: number } | undefined;
}

/** The suites of a repository, and the rule that its versions follow. */
export interface Layout {
  readonly name: string;
  readonly suites: readonly SuiteRules[];
  /**
   * A regular expression that a version must contain; %IDENTITY% and %CODEVERSION% stand for the repository id and
   * the codename's version. Absent: every version is taken.
   */
  readonly versionRule?: string | undefined;
  readonly experimentalVersionRule?: string | undefined;
  /** What ports append, with the same placeholders; made so that the rule is met. */
  readonly portSuffix: string;
  readonly experimentalPortSuffix: string;
  /** Short names that uploads may target: `unstable` → `sid-unstable`, the repository id to be inserted. */
  readonly metaDistributions?: Readonly<Record<string, string>> | undefined;
}

/** The original's "Default" version rule and suffixes. */
export const defaultVersionRules = {
  versionRule: "~%IDENTITY%%CODEVERSION%\\+[1-9]",
  experimentalVersionRule: "~%IDENTITY%%CODEVERSION%\\+0",
  portSuffix: "~%IDENTITY%%CODEVERSION%+1",
  experimentalPortSuffix: "~%IDENTITY%%CODEVERSION%+0",
} as const;

/** Names of distributions have two digits for them. */
const ROLLBACKS_MAX = 100;

const upgradable = { notAutomatic: true, butAutomaticUpgrades: true } as const;
const stage = { uploadable: false, experimental: false, ...upgradable } as const;
const entrance = { uploadable: true, experimental: false, ...upgradable } as const;
const experiment = { uploadable: true, experimental: true, notAutomatic: true } as const;

/** Of what people install from. */
const snapshots = { weekly: 4, monthly: 12, yearly: 3 } as const;

const stable: SuiteRules = { ...stage, name: "stable", keep: 6, retention: { snapshots } };
const hotfix: SuiteRules = { ...entrance, name: "hotfix", keep: 4, migratesTo: "stable" };
const testing: SuiteRules = { ...stage, name: "testing", keep: 3, migratesTo: "stable" };
const unstable: SuiteRules = { ...entrance, name: "unstable", keep: 9, migratesTo: "testing", keyringPackages: true };
const snapshot: SuiteRules = { ...experiment, name: "snapshot", keep: 12, butAutomaticUpgrades: true };
const experimental: SuiteRules = { ...experiment, name: "experimental", keep: 6, butAutomaticUpgrades: false };

export const defaultLayout: Layout = {
  name: "default",
  suites: [stable, hotfix, testing, unstable, snapshot, experimental],
  ...defaultVersionRules,
};

export const defaultNoRollbacksLayout: Layout = {
  ...defaultLayout,
  name: "default-no-rollbacks",
  suites: defaultLayout.suites.map((suite) => ({ ...suite, keep: 0 })),
};

/** For preparing uploads to Debian: Debian's own versions, and uploads to plain `unstable` and `experimental`. */
export const debianDeveloperLayout: Layout = {
  name: "debian-developer",
  suites: [stable, testing, unstable, experimental],
  portSuffix: defaultVersionRules.portSuffix,
  experimentalPortSuffix: defaultVersionRules.experimentalPortSuffix,
  metaDistributions: { unstable: "sid-unstable", experimental: "sid-experimental" },
};

export const builtInLayouts: readonly Layout[] = [defaultLayout, defaultNoRollbacksLayout, debianDeveloperLayout];

export function findSuite(layout: Layout, name: string): SuiteRules | undefined {
  return layout.suites.find((suite) => suite.name === name);
}

/** How many `-rollbackN` distributions a suite has. */
export function rollbackCount({ keep, rollbacks = keep }: SuiteRules): number {
  return Math.min(rollbacks, keep, ROLLBACKS_MAX);
}

/** The priority that apt gives a distribution's versions, from the two flags of its Release file. */
export function aptPriority(notAutomatic: boolean, butAutomaticUpgrades: boolean): 500 | 100 | 1 {
  if (!notAutomatic) return 500;
  return butAutomaticUpgrades ? 100 : 1;
}
