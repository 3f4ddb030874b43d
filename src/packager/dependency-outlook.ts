import { join } from "node:path";
import { listOffers, type OfferInDistribution } from "../archive/index.ts";
import type { KnownVersion } from "../buildorder/index.ts";
import type { Catalog, DistributionTarget } from "../catalog/index.ts";
import type { WaitingBuild } from "../farm/index.ts";
import {
  findDscEntry,
  formatRelations,
  parseChanges,
  parseDsc,
  parseRelations,
  parseVersion,
  type Relation,
  readControlFile,
  versionSatisfies,
} from "../formats/index.ts";
import type { Layout, SuiteRules } from "../rules/index.ts";
import { AppError } from "../runtime/index.ts";
import type { PackagerContext } from "./packager-context.ts";
import { uploadPath } from "./upload-paths.ts";

/** An upload on its way, or one that failed lately, and the binary packages that its source has. */
export interface ComingSource {
  readonly uploadId: string;
  readonly state: string;
  readonly source: string;
  readonly version: string;
  readonly distribution: string;
  readonly binaries: readonly string[];
}

/** Of a relation: what is shown beyond is said to be more. */
const SENTENCES_MAX = 5;
/** Their .dsc files are read each time that something changes while builds wait. */
const COMING_MAX = 200;
const FAILED_MS_MAX = 14 * 24 * 60 * 60 * 1000;

/** Sources that may bring what builds wait for. */
export async function listComingSources(context: PackagerContext): Promise<ComingSource[]> {
  const { database, farm } = context;
  const failedSince = new Date(farm.clock.now().getTime() - FAILED_MS_MAX).toISOString();
  const rows = await database.read
    .selectFrom("uploads")
    .select(["id", "state", "source", "version", "distribution", "changes_name", "changes_text"])
    .where((where) =>
      where.or([
        where("state", "in", ["building", "installing"]),
        where.and([where("state", "=", "failed"), where("ended_at", ">", failedSince)]),
      ]),
    )
    .orderBy("received_at", "desc")
    .limit(COMING_MAX)
    .execute();
  const coming = [];
  for (const { id: uploadId, changes_name, changes_text, ...row } of rows) {
    const binaries = await binariesOf(context, uploadId, { name: changes_name, text: changes_text });
    coming.push({ ...row, uploadId, binaries });
  }
  return coming;
}

/** None where the files are not kept any more. */
async function binariesOf(
  context: PackagerContext,
  uploadId: string,
  changes: { readonly name: string; readonly text: string },
): Promise<readonly string[]> {
  const name = findDscEntry(parseChanges(changes.text, changes.name))?.name ?? "";
  try {
    return parseDsc(await readControlFile(join(uploadPath(context, uploadId), name), name), name).binaries;
  } catch (error) {
    if (error instanceof AppError || (error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/**
 * Where what a build waits for may come from, for people: it is in a distribution that this one does not see, it is being
 * built, it failed; or nothing that is known here has it.
 */
export async function findOutlook(
  context: PackagerContext,
  build: WaitingBuild,
  { target, coming }: { readonly target: DistributionTarget; readonly coming: readonly ComingSource[] },
): Promise<string[]> {
  const { architecture } = build.order;
  const sentences: string[] = [];
  for (const relation of build.wait.relations.flatMap(parseRelations).flat()) {
    const offers = await listOffers(context.database.read, { relation, architecture });
    const others = coming.filter(({ uploadId }) => uploadId !== build.uploadId);
    const found = [
      ...offers.map((offer) => describeOffer(context.catalog(), offer, target)),
      ...others.filter((source) => brings(source, relation)).map(describeComing),
    ];
    const more = found.length - SENTENCES_MAX;
    sentences.push(...found.slice(0, SENTENCES_MAX), ...(more > 0 ? [`and ${more} more`] : []));
    if (found.length === 0) sentences.push(describeNothing(relation, build.wait.known ?? []));
  }
  return sentences;
}

/** Binary packages mostly have the version of their source; that is all that is known before they are built. */
function brings({ binaries, version }: ComingSource, relation: Relation): boolean {
  return binaries.includes(relation.name) && versionSatisfies(parseVersion(version), relation);
}

function describeOffer(
  catalog: Catalog,
  { name, version, distribution }: OfferInDistribution,
  target: DistributionTarget,
): string {
  const here = `${name} ${version} is in ${distribution}`;
  if (target.visibleDistributions.includes(distribution)) return `${here}, and something that it needs may be missing`;
  return migratesInto(catalog, distribution, target.visibleDistributions) ? `${here}: migrate it` : `${here}: port it`;
}

/** Whether migrations from there end, or pass by, where the build sees it. */
function migratesInto(catalog: Catalog, distribution: string, visible: readonly string[]): boolean {
  const from = catalog.findDistribution(distribution);
  const passed = new Set<string>();
  for (
    let suite = from?.suite;
    suite !== undefined && !passed.has(suite.name);
    suite = findSuite(from?.layout, suite.migratesTo)
  ) {
    passed.add(suite.name);
  }
  return visible.some((name) => {
    const seen = catalog.findDistribution(name);
    return seen?.repositoryId === from?.repositoryId && seen?.codename === from?.codename && passed.has(seen?.suite.name ?? "");
  });
}

function findSuite(layout: Layout | undefined, name: string | undefined): SuiteRules | undefined {
  return layout?.suites.find((suite) => suite.name === name);
}

function describeComing({ uploadId, state, source, version, distribution }: ComingSource): string {
  const what = `${source} ${version}`;
  if (state === "failed") return `${what} failed for ${distribution}: correct or retry it (${uploadId})`;
  return `${what} is being built for ${distribution} (${uploadId})`;
}

function describeNothing(relation: Relation, known: readonly KnownVersion[]): string {
  const newest = known.find(({ name }) => name === relation.name);
  const nothing = `nothing known offers ${formatRelations([[relation]])}`;
  return newest === undefined ? nothing : `${nothing}: the newest here is ${newest.version} (${newest.from})`;
}
