import { findOffer } from "../archive/index.ts";
import type { DistributionTarget } from "../catalog/index.ts";
import { listDependencyWaits, noteOutlook, resumeBuild, type WaitingBuild } from "../farm/index.ts";
import { parseChanges, parseRelations } from "../formats/index.ts";
import { parseUploadOptions } from "../rules/index.ts";
import { requireSources, type SourcesOfBuild, sourcesByArchitecture } from "./build-orders.ts";
import { findOutlook, listComingSources } from "./dependency-outlook.ts";
import type { PackagerContext } from "./packager-context.ts";
import { loadUpload } from "./upload.ts";

/**
 * Job: have those builds tried again whose missing build dependencies may be there by now. A build is tried again only
 * with other sources than before, so this ends; and only when our distributions offer something that it missed, so that
 * of many that wait few are tried in vain. Those that go on waiting say where it may come from. Safe to run twice.
 */
export async function resumeBuilds(context: PackagerContext, signal: AbortSignal): Promise<void> {
  const waiting = await listDependencyWaits(context.database.read);
  if (waiting.length === 0) return;

  const coming = await listComingSources(context);
  for (const build of waiting) {
    if (signal.aborted) return;
    const target = context.catalog().findDistribution(build.order.distribution);
    if (target === undefined) continue;
    if (await resumeIfItMayBe(context, { build, target, signal })) continue;

    const outlook = await findOutlook(context, build, { target, coming });
    await context.database.transaction((tx) => noteOutlook(tx, build.id, outlook));
  }
}

/** False: it goes on waiting. */
async function resumeIfItMayBe(
  context: PackagerContext,
  { build, target, signal }: { build: WaitingBuild; target: DistributionTarget; signal: AbortSignal },
): Promise<boolean> {
  const offer = await findWhatCame(context, build, target);
  if (offer === undefined) return false;
  const sources = await currentSources(context, build, target, signal);
  const isNews = JSON.stringify(sources.extraSources) !== JSON.stringify(build.order.extraSources);
  if (!isNews) return false;

  await context.database.transaction((tx) => resumeBuild(tx, build.id, { sources, reason: `tried again: ${offer}` }));
  context.logger.info("a build that waited is tried again", { buildId: build.id, offer });
  return true;
}

/** For people; undefined: nothing that it missed. */
async function findWhatCame(
  { database }: PackagerContext,
  { order, wait }: WaitingBuild,
  target: DistributionTarget,
): Promise<string | undefined> {
  const question = {
    repositoryId: target.repositoryId,
    distributions: target.visibleDistributions,
    architecture: order.architecture,
    providersAddedSince: new Date(wait.since),
  };
  for (const relation of wait.relations.flatMap(parseRelations).flat()) {
    const offer = await findOffer(database.read, { ...question, relation });
    if (offer !== undefined) return `${offer} is there`;
  }
  // What is missing behind them apt does not say.
  return wait.isDeep ? "the archive has changed" : undefined;
}

async function currentSources(
  context: PackagerContext,
  build: WaitingBuild,
  target: DistributionTarget,
  signal: AbortSignal,
): Promise<SourcesOfBuild> {
  const upload = await loadUpload(context.database.read, build.uploadId);
  const { options } = parseUploadOptions(parseChanges(upload.changesText, upload.changesName).changes);
  return requireSources(await sourcesByArchitecture(context, { target, options }, signal), build.order.architecture);
}
