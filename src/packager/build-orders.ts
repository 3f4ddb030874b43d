import { findNewestSource, findPublication, holdsPackages, listBinaries } from "../archive/index.ts";
import type { BuildOrder, CheckMode, OrderAptSource, OrderBinary, OrderFile } from "../buildorder/index.ts";
import type { DistributionTarget, TargetArchitecture } from "../catalog/index.ts";
import { type NewBuild } from "../farm/index.ts";
import { buildsAll, buildsForArchitecture, findDscEntry } from "../formats/index.ts";
import { type OptionValues, optionsForArchitecture } from "../rules/index.ts";
import { AppError, assert } from "../runtime/index.ts";
import type { AcceptedUpload } from "./judge-upload.ts";
import type { PackagerContext } from "./packager-context.ts";
import { binNmuChangelogEntry } from "./rebuilds/rebuild-changes.ts";

/** A publication takes a second or so. One that keeps failing must not keep its jobs from others, nor the daemon from stopping. */
const PUBLICATION_WAIT_MS_MAX = 30_000;

/** What the builders are asked: one build for each architecture of the distribution; one of them makes arch:all. */
export async function makeBuilds(context: PackagerContext, accepted: AcceptedUpload, signal: AbortSignal): Promise<NewBuild[]> {
  const installed = await installedBinaries(context, accepted);
  const architectures = wantedArchitectures(accepted);
  const sources = await sourcesByArchitecture(context, accepted, signal);
  // Once per upload is enough. What a binNMU is made of was looked at when it came.
  const lintsSource =
    accepted.isBinNmu === true ? undefined : (architectures.find(({ buildsAll: main }) => main) ?? architectures[0]);

  return architectures.map((architecture) => ({
    isOptional: architecture.isOptional,
    order: {
      ...commonOrder(accepted),
      ...binNmuOrder(accepted, architecture.name),
      architecture: architecture.name,
      buildsAll: accepted.isBinNmu !== true && architecture.buildsAll && buildsAll(accepted.dsc),
      lintsSource: architecture === lintsSource,
      ...requireSources(sources, architecture.name),
      limits: {
        timeoutMs: context.limits.buildTimeoutMs,
        silenceTimeoutMs: context.limits.buildSilenceTimeoutMs,
        logSizeBytesMax: context.limits.buildLogSizeBytesMax,
      },
      previousBinaries: previousBinaries(installed, architecture.name),
      ...orderOptions(accepted, optionsForArchitecture(accepted.options, architecture.name)),
    },
  }));
}

export type SourcesOfBuild = Pick<BuildOrder, "baseSources" | "extraSources">;

/** What builds see: the base, extra archive sources, and of our own distributions those that have something to offer. */
export async function sourcesByArchitecture(
  context: PackagerContext,
  { target, options }: Pick<AcceptedUpload, "target" | "options">,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, SourcesOfBuild>> {
  const { base, extra } = context.catalog().buildSources(target.codename);
  const ownSources = await ownAptSources(context, target, signal);
  return new Map(
    target.architectures.map(({ name }) => {
      const priority = optionsForArchitecture(options, name).internalAptPriority ?? target.internalPriority;
      return [name, { baseSources: base, extraSources: [...extra, ...ownSources(priority)] }];
    }),
  );
}

/** Undefined sources: the catalog does not have that architecture any more. */
export function requireSources(sources: ReadonlyMap<string, SourcesOfBuild>, architecture: string): SourcesOfBuild {
  const found = sources.get(architecture) ?? [...sources.values()][0];
  assert(found !== undefined, "a distribution has at least one architecture");
  return found;
}

/** Those that the source has something for. When there is none, all: each ends as skipped, and the upload says so. */
function wantedArchitectures({ target, dsc, changes, isBinNmu }: AcceptedUpload): readonly TargetArchitecture[] {
  if (isBinNmu === true) return target.architectures.filter(({ name }) => changes.architectures.includes(name));
  const wanted = target.architectures.filter(
    (architecture) => buildsForArchitecture(dsc, architecture.name) || (architecture.buildsAll && buildsAll(dsc)),
  );
  return wanted.length > 0 ? wanted : target.architectures;
}

function commonOrder({ changes, target, dsc, dscName }: AcceptedUpload) {
  return {
    source: dsc.source,
    version: dsc.version,
    distribution: target.name,
    codename: target.codename,
    components: target.components,
    ...(target.basePackages.length === 0 ? {} : { basePackages: target.basePackages }),
    ...(target.aptOptions.length === 0 ? {} : { aptOptions: target.aptOptions }),
    ...(target.takesAlternatives ? { takesAlternatives: true } : {}),
    ...(target.setupScript === undefined ? {} : { setupScript: target.setupScript }),
    ...(target.eatmydata ? { eatmydata: true } : {}),
    ...(target.ccache ? { compilerCache: { repository: target.repositoryId } } : {}),
    dscName,
    files: sourceFiles({ changes, dsc }),
  };
}

/** `1.0-1+b1` of source version `1.0-1`. */
function binNmuOrder(
  { changes, dsc, isBinNmu }: AcceptedUpload,
  architecture: string,
): Partial<Pick<BuildOrder, "version" | "binNmu">> {
  if (isBinNmu !== true) return {};
  const changelogEntry = binNmuChangelogEntry(changes, architecture);
  return { version: changes.version, binNmu: { sourceVersion: dsc.version, changelogEntry } };
}

function sourceFiles({ changes, dsc }: Pick<AcceptedUpload, "changes" | "dsc">): OrderFile[] {
  const dscEntry = findDscEntry(changes);
  const files = dscEntry === undefined ? dsc.files : [dscEntry, ...dsc.files];
  return files.map(({ name, sizeBytes, sha256 }) => ({ name, sizeBytes, sha256 }));
}

/** The distribution's settings, with the uploader's wishes over them. */
function orderOptions(
  { target }: AcceptedUpload,
  wishes: OptionValues,
): Pick<BuildOrder, "lintianMode" | "autopkgtestMode" | "piupartsMode" | "debBuildOptions" | "debBuildProfiles" | "addDepends"> {
  // What is only tried out never fails for its quality.
  const effective = (mode: CheckMode): CheckMode => (target.suite.experimental && mode !== "disabled" ? "ignore" : mode);
  return {
    lintianMode: effective(wishes.lintianMode ?? target.lintianMode),
    autopkgtestMode: effective(wishes.autopkgtestMode ?? target.autopkgtestMode),
    piupartsMode: effective(wishes.piupartsMode ?? target.piupartsMode),
    debBuildOptions: wishes.debBuildOptions ?? target.debBuildOptions,
    debBuildProfiles: wishes.debBuildProfiles ?? target.debBuildProfiles,
    addDepends: [...target.addDepends, ...(wishes.addDepends ?? [])],
  };
}

type InstalledBinary = Awaited<ReturnType<typeof listBinaries>>[number];

/** Of the newest version of this source that the target distribution has; a binNMU's users have the very version. */
async function installedBinaries(
  context: PackagerContext,
  { target, dsc, isBinNmu }: AcceptedUpload,
): Promise<InstalledBinary[]> {
  const { read } = context.database;
  if (isBinNmu === true) return listBinaries(read, target.name, { name: dsc.source, version: dsc.version });
  const newest = await findNewestSource(read, dsc.source, target.name);
  return newest === undefined ? [] : listBinaries(read, target.name, { name: newest.name, version: newest.version });
}

/** What users of that architecture have installed, and will upgrade: no installer's packages, no debug symbols. */
function previousBinaries(installed: readonly InstalledBinary[], architecture: string): OrderBinary[] {
  return installed
    .filter((binary) => binary.kind === "deb" && [architecture, "all"].includes(binary.architecture))
    .filter(({ name }) => !name.endsWith("-dbgsym"))
    .map(({ name, version }) => ({ name, version }));
}

/**
 * Our own distributions that have something to offer; empty ones would only cost every build a download. What was
 * installed before this upload was accepted must be visible to it, so a publication on its way is waited for.
 */
async function ownAptSources(
  context: PackagerContext,
  target: DistributionTarget,
  signal: AbortSignal,
): Promise<(priority: number) => OrderAptSource[]> {
  const { read } = context.database;
  const offering = [];
  for (const name of target.visibleDistributions) {
    if (await holdsPackages(read, name)) offering.push(name);
  }
  if (offering.length > 0) await untilPublished(context, signal);

  const published: { name: string; generation: string }[] = [];
  for (const name of offering) {
    const publication = await findPublication(read, name);
    if (publication !== undefined) published.push({ name, generation: String(publication.generation) });
  }
  return (priority) => published.map(({ name, generation }) => context.ownAptSource(name, priority, generation));
}

/** Throws `unavailable` PUBLICATION_LATE: the job is tried again. */
async function untilPublished({ archive }: PackagerContext, signal: AbortSignal): Promise<void> {
  const tooLong = AbortSignal.any([signal, AbortSignal.timeout(PUBLICATION_WAIT_MS_MAX)]);
  const { promise: gaveUp, reject } = Promise.withResolvers<never>();
  const giveUp = (): void => reject(publicationLate());
  tooLong.addEventListener("abort", giveUp, { once: true });
  try {
    await Promise.race([archive.untilPublished(), gaveUp]);
  } finally {
    tooLong.removeEventListener("abort", giveUp);
  }
}

function publicationLate(): AppError {
  return new AppError({
    kind: "unavailable",
    code: "PUBLICATION_LATE",
    message: "what was installed before this upload has not been published yet, so its builds could not see it",
    hint: "Look at the daemon's log for why publications fail; the check is tried again",
  });
}
