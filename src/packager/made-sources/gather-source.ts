import { link, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { listSourceFiles } from "../../archive/index.ts";
import type { DistributionTarget } from "../../catalog/index.ts";
import { type Dsc, parseDsc, readControlFile } from "../../formats/index.ts";
import { AppError, assert } from "../../runtime/index.ts";
import type { PackagerContext } from "../packager-context.ts";
import { fetchSourceFiles } from "./external-source.ts";
import { keyringTree } from "./keyring-tree.ts";
import type { MadeSource } from "./made-source.ts";
import { testTree } from "./test-trees.ts";

/** What is in the directory now: a source package, or the tree of one that is written from nothing. */
export type GatheredSource =
  | { readonly kind: "package"; readonly dscName: string; readonly dsc: Dsc; readonly options: readonly string[] }
  | { readonly kind: "tree" };

/** The files of a tree, by path; those that are executable are named. */
export interface SourceTree {
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  readonly executable: readonly string[];
}

interface Gathering {
  readonly made: MadeSource;
  readonly target: DistributionTarget;
  /** Empty. */
  readonly path: string;
  readonly signal: AbortSignal;
}

export async function gatherSource(context: PackagerContext, gathering: Gathering): Promise<GatheredSource> {
  const { made, target, path, signal } = gathering;
  const { request } = made;
  if (request.kind === "port") return linkFromPool(context, gathering);
  if (request.kind === "external-port") {
    const { dscName, dsc } = await fetchSourceFiles(request, { path, limits: context.limits, signal });
    return { kind: "package", dscName, dsc, options: request.options };
  }
  const about = { made, target, own: context.own, catalog: context.catalog() };
  await writeTree(path, request.kind === "keyring" ? keyringTree(about) : testTree(about));
  return { kind: "tree" };
}

async function linkFromPool(context: PackagerContext, { made, path }: Gathering): Promise<GatheredSource> {
  assert(made.request.kind === "port", "only ports come from the pool");
  const { repositoryId, of, options } = made.request;
  const files = await listSourceFiles(context.database.read, repositoryId, { name: made.source, version: of });
  const dscFile = files.find(({ name }) => name.endsWith(".dsc"));
  if (dscFile === undefined) throw sourceGone(made.source, of);

  for (const { name, sha256 } of files) await link(context.archive.contentStore.pathOf(sha256), join(path, name));
  const dsc = parseDsc(await readControlFile(join(path, dscFile.name), dscFile.name), dscFile.name);
  return { kind: "package", dscName: dscFile.name, dsc, options };
}

async function writeTree(path: string, { files, executable }: SourceTree): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const filePath = join(path, name);
    await mkdir(dirname(filePath), { recursive: true });
    await writeFile(filePath, content, { mode: executable.includes(name) ? 0o755 : 0o644 });
  }
}

function sourceGone(source: string, version: string): AppError {
  return new AppError({
    kind: "not-found",
    code: "SOURCE_NOT_THERE",
    message: `${source} ${version} is not in the repository any more`,
    hint: "Port a version that `mini-buildd ls` shows",
  });
}
