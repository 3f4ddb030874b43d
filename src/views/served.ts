/** A distribution as readers of pages and answers need it; the daemon makes these of the catalog. */
export interface ServedDistribution {
  readonly name: string;
  readonly codename: string;
  readonly suite: string;
  readonly components: readonly string[];
  readonly architectures: readonly { readonly name: string; readonly isOptional: boolean }[];
  readonly isUploadable: boolean;
  readonly isExperimental: boolean;
  /** The suite packages go to next. */
  readonly migratesTo: string | undefined;
  /** Older versions kept visible. */
  readonly keptVersions: number;
  /** What a version must end with here, for example `~test12+1`; undefined: anything. */
  readonly versionSuffix: string | undefined;
  /** APT source lines of the extra archive sources that builds see, for `sources_list --with-extra`. */
  readonly extraSources: readonly ServedExtraSource[];
}

export interface ServedExtraSource {
  readonly name: string;
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
}

export interface ServedRepository {
  readonly id: string;
  readonly description: string | undefined;
  readonly layout: string;
  /** Whether uploads need the signature of a known uploader key. */
  readonly uploads: "signed" | "unsigned";
  readonly codenames: readonly string[];
  readonly distributions: readonly ServedDistribution[];
}
