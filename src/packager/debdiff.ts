import { randomUUID } from "node:crypto";
import { link, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { listSourceFiles, listSourceVersions, type PlacedFile } from "../archive/index.ts";
import { compareVersions, type Version } from "../formats/index.ts";
import { AppError, commandError } from "../runtime/index.ts";
import { scratchDirectory } from "./made-sources/make-source.ts";
import { requireWorkshop, type Workshop } from "./made-sources/open-workshop.ts";
import type { PackagerContext } from "./packager-context.ts";

export interface DebdiffRequest {
  readonly source: string;
  readonly repositoryId: string;
  /** Default: the second newest, and the newest. */
  readonly versionA?: string | undefined;
  readonly versionB?: string | undefined;
}

/** As debdiff, with the names of the trees: what is new, what is gone, what is different; no link is followed. */
const DIFF = ["diff", "-Nru", "--no-dereference"] as const;
const IN = "/build/in";
const OUT = "/build/out";

/**
 * What is different between two versions of a source package, as a unified diff of their unpacked trees. They are
 * unpacked in a testbed only. Throws DEBDIFF_VERSION_MISSING (not-found), DEBDIFF_FAILED (invalid), WORKSHOP_MISSING.
 */
export async function debdiff(context: PackagerContext, request: DebdiffRequest): Promise<string> {
  const openWorkshop = requireWorkshop(context);
  const { older, newer, distribution } = await findVersions(context, request);
  const target = context.catalog().findDistribution(distribution);
  if (target === undefined) throw versionMissing(request, `${distribution} is not in the catalog any more`);

  const signal = AbortSignal.timeout(context.limits.debdiffTimeoutMs);
  const scratchPath = join(scratchDirectory(context, undefined), `debdiff-${randomUUID()}`);
  await mkdir(scratchPath, { recursive: true });
  try {
    const dscNames = [];
    for (const version of [older, newer]) dscNames.push(await linkFiles(context, { ...request, version, path: scratchPath }));
    const workshop = await openWorkshop(target.codename, signal);
    try {
      await workshop.copyIn(scratchPath, IN);
      return await compare(workshop, { request, dscNames, versions: [older, newer], context, signal });
    } finally {
      await workshop.close();
    }
  } finally {
    await rm(scratchPath, { recursive: true, force: true });
  }
}

interface Comparison {
  readonly request: DebdiffRequest;
  readonly dscNames: readonly string[];
  readonly versions: readonly string[];
  readonly context: PackagerContext;
  readonly signal: AbortSignal;
}

async function compare(workshop: Workshop, { request, dscNames, versions, context, signal }: Comparison): Promise<string> {
  const timeoutMs = context.limits.debdiffTimeoutMs;
  // Versions are no names of files where they have an epoch; and "~" is one of a home at the beginning only.
  const trees = versions.map((version) => `${request.source}-${version.replaceAll(":", "%3a")}`);
  await workshop.run({ argv: ["mkdir", "-p", OUT], cwd: "/build", timeoutMs, signal });
  for (const [index, dscName] of dscNames.entries()) {
    const argv = ["dpkg-source", "--no-copy", "--extract", join(IN, dscName), trees[index] ?? ""] as const;
    const ended = await workshop.run({ argv: [...argv], cwd: OUT, timeoutMs, signal });
    if (ended.exitCode !== 0) throw failed(request, `${dscName} cannot be unpacked`, commandError(argv, ended));
  }
  // What quilt notes beside a tree.
  await workshop.run({ argv: ["rm", "-rf", "--", ...trees.map((tree) => `${tree}/.pc`)], cwd: OUT, timeoutMs, signal });
  const outputBytesMax = context.limits.debdiffSizeBytesMax;
  const argv: [string, ...string[]] = [...DIFF, ...trees];
  const ended = await workshop.run({ argv, cwd: OUT, timeoutMs, outputBytesMax, signal });
  if (ended.reason === "output-limit") throw failed(request, `the difference is larger than ${outputBytesMax} bytes`, undefined);
  // 0: no difference, 1: some.
  if (ended.reason === "exited" && (ended.exitCode ?? 2) <= 1) return ended.stdout.toString("utf8");
  throw failed(request, "they cannot be compared", commandError(argv, ended));
}

async function findVersions(
  context: PackagerContext,
  request: DebdiffRequest,
): Promise<{ older: string; newer: string; distribution: string }> {
  const { source, repositoryId, versionA, versionB } = request;
  const all = await listSourceVersions(context.database.read, source);
  const there = all.filter((each) => each.repositoryId === repositoryId);
  const versions = [...new Set(there.map(({ version }) => version))];
  for (const asked of [versionA, versionB]) {
    if (asked !== undefined && !versions.includes(asked as Version))
      throw versionMissing(request, `there is no version ${asked.slice(0, 200)}`);
  }
  const newer = versionB ?? versions.find((version) => version !== versionA);
  const older =
    versionA ??
    versions.find((version) => version !== newer && (newer === undefined || compareVersions(version, newer as Version) < 0));
  const distribution = there.find(({ version }) => version === newer)?.distribution;
  if (newer === undefined || older === undefined || distribution === undefined)
    throw versionMissing(request, `it has ${versions.length === 0 ? "none" : versions.join(", ")}`);
  return { older, newer, distribution };
}

async function linkFiles(
  context: PackagerContext,
  { source, repositoryId, version, path }: DebdiffRequest & { version: string; path: string },
): Promise<string> {
  const files = await listSourceFiles(context.database.read, repositoryId, { name: source, version });
  for (const { name, sha256 } of files) await linkOnce(context.archive.contentStore.pathOf(sha256), join(path, name));
  return files.find(({ name }: PlacedFile) => name.endsWith(".dsc"))?.name ?? "";
}

/** Two revisions may share their original. */
async function linkOnce(from: string, to: string): Promise<void> {
  await link(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
}

function versionMissing({ source, repositoryId }: DebdiffRequest, why: string): AppError {
  return new AppError({
    kind: "not-found",
    code: "DEBDIFF_VERSION_MISSING",
    message: `two versions of ${source.slice(0, 100)} in repository ${repositoryId.slice(0, 100)} are needed: ${why}`,
    hint: `\`mini-buildd ls ${source.slice(0, 100)}\` shows the versions that there are`,
  });
}

function failed({ source }: DebdiffRequest, why: string, cause: unknown): AppError {
  return new AppError({
    kind: "invalid",
    code: "DEBDIFF_FAILED",
    message: `${source}: ${why}`,
    hint: "Get both sources with apt-get source, and compare them there",
    cause,
  });
}
